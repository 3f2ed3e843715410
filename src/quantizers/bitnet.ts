/**
 * Absmean, the weight quantizer of BitNet b1.58:
 *
 *     scale = max(mean|W|, eps)        trit = clip(roundHalfEven(W / scale), -1, 1)
 *
 * Half to even sends ±0.5 to 0, so after clipping: trit ≠ 0 exactly when |W| > scale / 2.
 * Gradient: straight-through, ∂(trit · scale)/∂W = 1; the scale passes none.
 *
 * Ma et al., "The Era of 1-bit LLMs", 2024, eq. 1-3, arXiv:2402.17764. Per tensor there; per channel is BitCore's variant.
 */
import type { QuantizerScheme } from "./quantizer.ts";
import { groupSize, groupSum, scaleGroups, sumMagnitudes, tracedTritsBeyond, tritsBeyond } from "./scale-groups.ts";

/** Absmean scale, threshold at half of it. */
export const bitnet: QuantizerScheme = {
  id: "bitnet",
  summary: "absmean scale (BitNet b1.58), for training from scratch",
  defaults: { granularity: "per-tensor", eps: 1e-5 },
  granularities: ["per-tensor", "per-channel"],
  activation: "int8",

  create: ({ granularity, eps }) => ({
    smallestScale: Math.fround(eps),

    quantize(weights, shape) {
      const scales = Float32Array.from(scaleGroups(weights, shape, granularity), (group) =>
        Math.max(sumMagnitudes(group) / group.length, eps),
      );
      const thresholds = scales.map((scale) => scale / 2);
      return { ...shape, trits: tritsBeyond(weights, shape, thresholds), scales };
    },

    trace(weight) {
      const value = weight.stopGradient();
      const scales = groupSum(value.abs(), granularity)
        .mul(1 / groupSize(weight, granularity))
        .maximum(eps);
      const trits = tracedTritsBeyond(value, scales.mul(0.5));
      return { trits, scales, surrogate: weight.sub(value) };
    },
  }),
};
