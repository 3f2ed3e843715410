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
import { groupSize, groupSum, type QuantizerScheme, scaleGroups } from "./quantizer.ts";

/** Absmean scale, threshold at half of it. */
export const bitnet: QuantizerScheme = {
  id: "bitnet",
  summary: "absmean scale (BitNet b1.58), for training from scratch",
  defaults: { granularity: "per-tensor", eps: 1e-5 },
  granularities: ["per-tensor", "per-channel"],
  activation: "int8",

  create: ({ granularity, eps }) => ({
    quantize(weights, shape) {
      const groups = scaleGroups(weights, shape, granularity);
      const scales = Float32Array.from(groups, (group) => Math.max(meanAbs(group), Math.fround(eps)));
      const trits = Int8Array.from(weights, (weight, i) => {
        const scale = scales.length === 1 ? scales[0] : scales[Math.floor(i / shape.inFeatures)];
        return Math.abs(weight) > scale / 2 ? Math.sign(weight) : 0;
      });
      return { ...shape, trits, scales };
    },

    trace(weight) {
      const value = weight.stopGradient();
      const count = groupSize(weight, granularity);
      const scales = groupSum(value.abs(), granularity)
        .mul(1 / count)
        .maximum(eps);
      const threshold = scales.mul(0.5);
      const trits = value.greater(threshold).where(1, value.less(threshold.neg()).where(-1, 0));
      return { trits, scales, surrogate: weight.sub(value) };
    },
  }),
};

function meanAbs(values: Float32Array): number {
  let sum = 0; // float64: a float32 sum drifts beyond ~1e6 weights
  for (const value of values) sum += Math.abs(value);
  return sum / values.length;
}
