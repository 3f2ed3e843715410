/** The quantizers: the only place that names them. */
import { UnsupportedError } from "../core/errors.ts";
import { absmax } from "./absmax.ts";
import { bitnet } from "./bitnet.ts";
import { bittorch } from "./bittorch.ts";
import { lsq } from "./lsq.ts";
import { optimal } from "./optimal.ts";
import { paretoq } from "./paretoq.ts";
import { chooseOptions, type Quantizer, type QuantizerOptions, type QuantizerScheme } from "./quantizer.ts";
import { threshold } from "./threshold.ts";
import { twn } from "./twn.ts";

export type { Quantizer, QuantizerOptions, QuantizerRule, QuantizerScheme, TracedTernary } from "./quantizer.ts";

/** Every quantizer, the default first. */
export const quantizers: readonly QuantizerScheme[] = [bitnet, twn, lsq, paretoq, bittorch, absmax, threshold, optimal];

/**
 * A quantizer by name.
 *
 * @throws UnsupportedError for an unknown name, option, granularity or value, listing what there is
 */
export function createQuantizer(id: string, options: QuantizerOptions = {}): Quantizer {
  const scheme = quantizers.find((candidate) => candidate.id === id);
  if (scheme) return chooseOptions(scheme, options);
  const ids = quantizers.map((candidate) => candidate.id).join(", ");
  throw new UnsupportedError(`there is no quantizer ${JSON.stringify(id)}; choose one of: ${ids}`);
}
