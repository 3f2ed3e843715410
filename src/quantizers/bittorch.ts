/**
 * The quantizer of the BitTorch library, for models that were trained with it:
 *
 *     scale = max(max|W|, eps)        trit = sign(W) where |W| > thresholdFactor · scale, else 0
 *
 * Gradient: ∂(trit · scale)/∂W = scale. BitTorch passes the gradient through the trits and multiplies by the scale, which
 * passes none; so it is kept here.
 *
 * No paper. On weights that were not trained for it the scale, a maximum, overshoots by a factor of two and more: use
 * `optimal` to convert, and any other quantizer to train anew.
 */
import type { QuantizerScheme } from "./quantizer.ts";
import { groupMaxAbs, largestMagnitude, scaleGroups, tracedTritsBeyond, tritsBeyond } from "./scale-groups.ts";

/** Absmax scale, threshold at a small part of it. */
export const bittorch: QuantizerScheme = {
  id: "bittorch",
  summary: "absmax scale, low threshold (BitTorch), for compatibility",
  defaults: { granularity: "per-channel", thresholdFactor: 0.05, eps: 1e-8 },
  granularities: ["per-tensor", "per-channel"],
  activation: "none",

  create: ({ granularity, thresholdFactor, eps }) => ({
    smallestScale: Math.fround(eps),

    quantize(weights, shape) {
      const scales = Float32Array.from(scaleGroups(weights, shape, granularity), (group) =>
        Math.max(largestMagnitude(group), eps),
      );
      const thresholds = scales.map((scale) => Math.fround(thresholdFactor) * scale);
      return { ...shape, trits: tritsBeyond(weights, shape, thresholds), scales };
    },

    trace(weight) {
      const value = weight.stopGradient();
      const scales = groupMaxAbs(value, granularity).maximum(eps);
      const trits = tracedTritsBeyond(value, scales.mul(thresholdFactor));
      return { trits, scales, surrogate: weight.sub(value).mul(scales) };
    },
  }),
};
