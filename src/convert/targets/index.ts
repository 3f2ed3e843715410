/** The targets of conversions: the only place that names them. */
import { converted } from "./converted.ts";
import { gguf } from "./gguf.ts";
import { hfBitnet } from "./hf-bitnet.ts";
import type { Target } from "./target.ts";

export type { Target, TargetContent, TargetFormat, TargetTensor } from "./target.ts";

/** Every target, the default first. */
export const targets: readonly Target[] = [converted, gguf, hfBitnet];
