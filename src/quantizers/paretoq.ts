/**
 * Stretched elastic quantization of ParetoQ, with three levels:
 *
 *     α = max(learned range, eps)        z = clip(W / α, -0.99, 0.99)        trit = roundHalfEven(1.5 · z)
 *     scale = α / 1.5: the levels -2α/3, 0 and 2α/3 divide [-α, α] into three equal parts
 *
 * roundHalfEven(1.5 · z) ≠ 0 exactly when |W| > α/3 = scale / 2, so each weight goes to its nearest level.
 * Gradient of the effective weight trit · α / 1.5:
 *
 *     ∂/∂W = 1 where |W/α| ≤ 0.99, else 0
 *     ∂/∂α = factor · (trit / 1.5 - W/α) where |W/α| ≤ 0.99, factor · sign(W) elsewhere        factor = 1 / sqrt(all weights)
 *
 * Liu et al., "ParetoQ: Scaling Laws in Extremely Low-bit LLM Quantization", 2025, arXiv:2502.02631, and the code its
 * authors published. The learned value is α (started at max|W|), the reported scale α / 1.5.
 */
import { type MatrixShape, MIN_SCALE_MAGNITUDE } from "../core/ternary-matrix.ts";
import type { QuantizerScheme } from "./quantizer.ts";
import { givenScale, largestMagnitude, scaleGroups, tracedTritsBeyond, tritsBeyond } from "./scale-groups.ts";

/** Share of the range beyond which weights are clipped. */
const CLIP = 0.99;
const SCALE_OF_RANGE: number = Math.fround(1 / 1.5);

/** Learned range, cut into three equal parts. */
export const paretoq: QuantizerScheme = {
  id: "paretoq",
  summary: "learned range cut into three equal parts (ParetoQ SEQ)",
  defaults: { granularity: "per-channel", eps: 1e-5 },
  granularities: ["per-tensor", "per-channel"],
  activation: "none",

  create: ({ granularity, eps }) => {
    const floor = Math.max(eps, MIN_SCALE_MAGNITUDE); // 1 / α stays finite also for eps = 0
    const initialScale = (weights: Float32Array, shape: MatrixShape): Float32Array =>
      Float32Array.from(scaleGroups(weights, shape, granularity), largestMagnitude);
    return {
      smallestScale: Math.fround(Math.fround(floor) * SCALE_OF_RANGE),
      initialScale,

      quantize(weights, shape, learnedScale = initialScale(weights, shape)) {
        const scales = learnedScale.map((range) => Math.fround(Math.max(range, floor)) * SCALE_OF_RANGE);
        const thresholds = scales.map((scale) => scale / 2);
        return { ...shape, trits: tritsBeyond(weights, shape, thresholds), scales };
      },

      trace(weight, learnedScale) {
        const learned = givenScale("paretoq", learnedScale);
        const value = weight.stopGradient();
        const start = learned.stopGradient();
        const range = start.maximum(floor);
        const scales = range.mul(SCALE_OF_RANGE);
        const trits = tracedTritsBeyond(value, scales.mul(0.5));
        const isInside = value.abs().lessEqual(range.mul(CLIP));
        const z = value.mul(range.reciprocal());
        const slope = isInside.where(trits.mul(SCALE_OF_RANGE).sub(z), trits).mul(1 / Math.sqrt(weight.size));
        const surrogate = weight.sub(value).mul(isInside.asNumber()).add(learned.sub(start).mul(slope));
        return { trits, scales, surrogate };
      },
    };
  },
};
