/**
 * Ternary weight networks:
 *
 *     threshold = deltaFactor · max(mean|W|, eps)        trit = sign(W) where |W| > threshold, else 0
 *     scale = mean of |W| over the weights with trit ≠ 0; 0 where there is none
 *
 * The scale is the least-squares one for its trits. Gradient: straight-through, ∂(trit · scale)/∂W = 1.
 *
 * Li, Zhang, Liu, "Ternary Weight Networks", 2016, arXiv:1605.04711, eq. 5-6. The default factor is 0.75, which BitCore
 * uses (the paper: 0.7; the optimum is 2/3 for uniform weights and about 0.75 for normal ones), and the default
 * granularity is its per tensor (the paper: per filter).
 */
import type { QuantizerScheme } from "./quantizer.ts";
import {
  groupSize,
  groupSum,
  meanBeyond,
  scaleGroups,
  sumMagnitudes,
  tracedTritsBeyond,
  tritsBeyond,
} from "./scale-groups.ts";

/** Threshold at a multiple of the absmean, scale from the weights beyond it. */
export const twn: QuantizerScheme = {
  id: "twn",
  summary: "threshold from the absmean, scale from the weights beyond it (TWN)",
  defaults: { granularity: "per-tensor", deltaFactor: 0.75, eps: 1e-5 },
  granularities: ["per-tensor", "per-channel"],
  activation: "int8",

  create: ({ granularity, deltaFactor, eps }) => ({
    quantize(weights, shape) {
      const groups = scaleGroups(weights, shape, granularity);
      const means = Float32Array.from(groups, (group) => Math.max(sumMagnitudes(group) / group.length, eps));
      const thresholds = means.map((mean) => Math.fround(deltaFactor) * mean);
      const scales = Float32Array.from(groups, (group, i) => meanBeyond(group, thresholds[i]));
      return { ...shape, trits: tritsBeyond(weights, shape, thresholds), scales };
    },

    trace(weight) {
      const value = weight.stopGradient();
      const magnitude = value.abs();
      const thresholds = groupSum(magnitude, granularity)
        .mul(1 / groupSize(weight, granularity))
        .maximum(eps)
        .mul(deltaFactor);
      const isBeyond = magnitude.greater(thresholds);
      const count = groupSum(isBeyond.asNumber(), granularity);
      const scales = groupSum(isBeyond.where(magnitude, 0), granularity).mul(count.maximum(1).reciprocal());
      return { trits: tracedTritsBeyond(value, thresholds), scales, surrogate: weight.sub(value) };
    },
  }),
};
