/**
 * The textbook ternary layer:
 *
 *     scale = 1        trit = +1 where W > threshold, -1 where W < -threshold, else 0
 *
 * Gradient: straight-through, clipped: ∂trit/∂W = 1 where |W| ≤ clip, else 0.
 *
 * Hubara et al., "Quantized Neural Networks", 2016, arXiv:1609.07061, for the clipped straight-through gradient. The
 * threshold is absolute, and a common start in ±1/sqrt(K) would give trits 0 only, so layers start in ±2 · threshold, where
 * half of the trits are 0.
 */
import type { QuantizerScheme } from "./quantizer.ts";
import { tracedTritsBeyond, tritsBeyond } from "./scale-groups.ts";

/** Fixed threshold, no scale. */
export const threshold: QuantizerScheme = {
  id: "threshold",
  summary: "fixed threshold, no scale: the textbook layer",
  defaults: { granularity: "per-tensor", threshold: 0.7, clip: 1.5 },
  granularities: ["per-tensor"],
  activation: "sign",

  create: ({ threshold, clip }) => ({
    smallestScale: 1,
    initialBound: 2 * threshold,

    quantize(weights, shape) {
      return { ...shape, trits: tritsBeyond(weights, shape, Float32Array.of(threshold)), scales: Float32Array.of(1) };
    },

    trace(weight) {
      const value = weight.stopGradient();
      const passes = value.abs().lessEqual(clip).asNumber();
      return {
        trits: tracedTritsBeyond(value, weight.constant(threshold)),
        scales: weight.constant(1).reshape([1, 1]),
        surrogate: weight.sub(value).mul(passes),
      };
    },
  }),
};
