/** The exporters: the only place that lists them. */
import { elementwise } from "./elementwise.ts";
import type { Exporter } from "./exporter.ts";
import { images } from "./images.ts";
import { layers } from "./layers.ts";
import { norms } from "./norms.ts";
import { sequences } from "./sequences.ts";

export type { Exporter } from "./exporter.ts";

/** Every exporter. */
export const exporters: readonly Exporter[] = [...layers, ...images, ...norms, ...elementwise, ...sequences];
