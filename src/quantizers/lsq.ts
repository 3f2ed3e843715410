/**
 * Learned step size, with ternary levels (Q_N = Q_P = 1):
 *
 *     s = max(learned scale, eps)        z = W / s        trit = clip(roundHalfEven(z), -1, 1)        scale = s
 *
 * Gradient of the effective weight trit · s:
 *
 *     ∂/∂W = 1 where |z| ≤ 1, else 0
 *     ∂/∂s = factor · (trit - z) where |z| ≤ 1, factor · sign(z) elsewhere        factor = 1 / sqrt(weights that share s)
 *
 * Esser et al., "Learned Step Size Quantization", 2020, arXiv:1902.08153, eq. 3 and 5 and section 2.2. Changes: s starts
 * at mean|W| (the paper: twice that), so that training starts as absmean does; s has a floor, below which the
 * paper's z changes its sign, and the gradient passes the floor, so that s can leave it; |z| = 1 counts as inside.
 */
import { type MatrixShape, MIN_SCALE_MAGNITUDE } from "../core/ternary-matrix.ts";
import type { QuantizerScheme } from "./quantizer.ts";
import { givenScale, groupSize, scaleGroups, sumMagnitudes, tracedTritsBeyond, tritsBeyond } from "./scale-groups.ts";

/** Learned scale, threshold at half of it. */
export const lsq: QuantizerScheme = {
  id: "lsq",
  summary: "learned scale, started at the absmean (LSQ)",
  defaults: { granularity: "per-tensor", eps: 1e-5 },
  granularities: ["per-tensor", "per-channel"],
  activation: "int8",

  create: ({ granularity, eps }) => {
    const floor = Math.max(eps, MIN_SCALE_MAGNITUDE); // 1 / s stays finite also for eps = 0
    const initialScale = (weights: Float32Array, shape: MatrixShape): Float32Array =>
      Float32Array.from(scaleGroups(weights, shape, granularity), (group) => sumMagnitudes(group) / group.length);
    return {
      smallestScale: Math.fround(floor),
      initialScale,

      quantize(weights, shape, learnedScale = initialScale(weights, shape)) {
        const scales = learnedScale.map((scale) => Math.max(scale, floor));
        const thresholds = scales.map((scale) => scale / 2);
        return { ...shape, trits: tritsBeyond(weights, shape, thresholds), scales };
      },

      trace(weight, learnedScale) {
        const learned = givenScale("lsq", learnedScale);
        const value = weight.stopGradient();
        const start = learned.stopGradient();
        const scales = start.maximum(floor);
        const trits = tracedTritsBeyond(value, scales.mul(0.5));
        const isInside = value.abs().lessEqual(scales);
        const z = value.mul(scales.reciprocal());
        const slope = isInside.where(trits.sub(z), trits).mul(1 / Math.sqrt(groupSize(weight, granularity)));
        const surrogate = weight.sub(value).mul(isInside.asNumber()).add(learned.sub(start).mul(slope));
        return { trits, scales, surrogate };
      },
    };
  },
};
