/**
 * The ternary weights nearest to W in least squares, found by a sorted scan:
 *
 *     with |w| sorted in descending order choose the n that maximises (Σ first n)² / n
 *     trit = sign(W) for those n weights, else 0        scale = mean of their magnitudes
 *
 * Proof: for trits with support S, |S| = n, the best scale is m = Σ_S |w| / n and leaves the error Σ w² - (Σ_S |w|)² / n;
 * for each n the largest magnitudes are the best support.
 *
 * Ties fall on one side: were n the best and the n-th and the next magnitude both a, then with m the mean of the first n
 *     n no worse than n + 1:  (nm + a)² / (n + 1) ≤ nm²   ⇔   m² ≥ 2ma + a²/n
 *     n no worse than n - 1:  (nm - a)² / (n - 1) ≤ nm²   ⇔   m² ≤ 2ma - a²/n
 * hence a = 0. So a magnitude tells the support from the rest, and equal weights stay together also where rounding
 * misjudges n.
 * The same two lines say that the chosen weights lie above m/2 and the others below: each weight goes to its nearest level.
 * Zeros, and with them padding, are never chosen: they raise n and not the sum.
 *
 * Gradient: straight-through, ∂(trit · scale)/∂W = 1. Two supports of the same error can be told apart by rounding only;
 * then host and traced rule may choose differently, and equally well.
 *
 * The exact form of the problem that Li, Zhang, Liu, "Ternary Weight Networks", 2016, arXiv:1605.04711, eq. 4,
 * approximate. Meant for conversion without training; sorting makes it the dearest rule to train with.
 */
import type { Tensor } from "../tensor/tensor.ts";
import type { QuantizerScheme } from "./quantizer.ts";
import { groupSum, meanBeyond, scaleGroups, tritsBeyond } from "./scale-groups.ts";
import { MagnitudeSorter } from "./sorted-magnitudes.ts";

/** Least-squares trits and scale. */
export const optimal: QuantizerScheme = {
  id: "optimal",
  summary: "least-squares trits and scale, for conversion without training",
  defaults: { granularity: "per-channel" },
  granularities: ["per-tensor", "per-channel"],
  activation: "int8",

  create: ({ granularity }) => ({
    quantize(weights, shape) {
      const groups = scaleGroups(weights, shape, granularity);
      const sorter = new MagnitudeSorter(groups[0].length);
      const thresholds = Float32Array.from(groups, (group) => largestLeftOut(sorter.sort(group)));
      const scales = Float32Array.from(groups, (group, i) => meanBeyond(group, thresholds[i]));
      return { ...shape, trits: tritsBeyond(weights, shape, thresholds), scales };
    },

    trace(weight) {
      const value = weight.stopGradient();
      const magnitude = value.abs();
      const groups = granularity === "per-channel" ? magnitude : magnitude.reshape([1, -1]);
      const chosen = magnitude.greaterEqual(tracedSmallestChosen(groups)).where(magnitude, 0);
      const isChosen = chosen.greater(0);
      const count = groupSum(isChosen.asNumber(), granularity).maximum(1);
      return {
        trits: isChosen.where(value.greater(0).where(1, -1), 0),
        scales: groupSum(chosen, granularity).mul(count.reciprocal()),
        surrogate: weight.sub(value),
      };
    },
  }),
};

/** The largest magnitude that is not chosen, of magnitudes in ascending order; 0 where all are. */
function largestLeftOut(ascending: Float32Array): number {
  let sum = 0; // float64
  let most = 0;
  let best = 0;
  for (let n = 1; n <= ascending.length; n++) {
    sum += ascending[ascending.length - n];
    const explained = sum * (sum / n);
    if (explained <= most) continue;
    most = explained;
    best = n;
  }
  return best < ascending.length ? ascending[ascending.length - best - 1] : 0;
}

/** Smallest chosen magnitude of each row, `[G, L]` → `[G, 1]`; compares (Σ first n) / sqrt(n), which cannot overflow. */
function tracedSmallestChosen(magnitudes: Tensor): Tensor {
  const length = magnitudes.shape[1];
  const negated = magnitudes.neg().sort(); // largest magnitude first
  const inverseRoots = Float32Array.from({ length }, (_, i) => 1 / Math.sqrt(i + 1));
  const explained = negated.cumulativeSum().mul(magnitudes.constant(inverseRoots)).neg();
  const isBest = explained.greaterEqual(explained.max(-1, { keepDims: true }));
  return isBest.where(negated.neg(), 0).max(-1, { keepDims: true }); // of several the first
}
