/**
 * Absmax:
 *
 *     scale = max|W|        trit = clip(roundHalfEven(W / scale), -1, 1)
 *
 * Half to even sends ±0.5 to 0: trit ≠ 0 exactly when |W| > scale / 2. Gradient: straight-through, ∂(trit · scale)/∂W = 1.
 *
 * The rule of round-to-nearest integer quantization with a single positive level, as the BitLinear library on Hugging
 * Face has it (`weight_to_ternary`), where also the planes of multi-ternary weights are made by it. It has no paper and,
 * there, no gradient.
 */
import type { QuantizerScheme } from "./quantizer.ts";
import { groupMaxAbs, largestMagnitude, scaleGroups, tracedTritsBeyond, tritsBeyond } from "./scale-groups.ts";

/** Absmax scale, threshold at half of it. */
export const absmax: QuantizerScheme = {
  id: "absmax",
  summary: "absmax scale, threshold at half of it, for compatibility and greedy planes",
  defaults: { granularity: "per-channel" },
  granularities: ["per-tensor", "per-channel"],
  activation: "none",

  create: ({ granularity }) => ({
    quantize(weights, shape) {
      const scales = Float32Array.from(scaleGroups(weights, shape, granularity), largestMagnitude);
      const thresholds = scales.map((scale) => scale / 2);
      return { ...shape, trits: tritsBeyond(weights, shape, thresholds), scales };
    },

    trace(weight) {
      const value = weight.stopGradient();
      const scales = groupMaxAbs(value, granularity);
      return { trits: tracedTritsBeyond(value, scales.mul(0.5)), scales, surrogate: weight.sub(value) };
    },
  }),
};
