/** The quantizers: the only place that names them. */
import { UnsupportedError } from "../core/errors.ts";
import { bitnet } from "./bitnet.ts";
import {
  checkWeights,
  completeOptions,
  type Quantizer,
  type QuantizerOptions,
  type QuantizerScheme,
} from "./quantizer.ts";

export type { Quantizer, QuantizerOptions, QuantizerScheme, TracedTernary } from "./quantizer.ts";

/** Every quantizer, the default first. */
export const quantizers: readonly QuantizerScheme[] = [bitnet];

/** The quantizers by name. */
export type QuantizerId = string;

/**
 * A quantizer by name.
 *
 * @throws UnsupportedError for an unknown name or option, listing what there is
 */
export function createQuantizer(id: QuantizerId, options: QuantizerOptions = {}): Quantizer {
  const scheme = quantizers.find((candidate) => candidate.id === id);
  if (!scheme) {
    const ids = quantizers.map((candidate) => candidate.id).join(", ");
    throw new UnsupportedError(`there is no quantizer ${JSON.stringify(id)}; choose one of: ${ids}`);
  }
  const complete = completeOptions(scheme, options);
  const rule = scheme.create(complete as Required<QuantizerOptions>);
  return {
    ...rule,
    id: scheme.id,
    options: complete,
    quantize(weights, shape, learnedScale) {
      checkWeights(weights, shape);
      return rule.quantize(weights, shape, learnedScale);
    },
  };
}
