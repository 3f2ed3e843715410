/** Weights that share a scale, on the host and traced: the arithmetic that the quantizers have in common. */
import { ShapeError } from "../core/errors.ts";
import type { Granularity, MatrixShape } from "../core/ternary-matrix.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** The slices of a matrix that share a scale: the whole of it, or its rows. */
export function scaleGroups(
  weights: Float32Array,
  { inFeatures }: MatrixShape,
  granularity: Granularity,
): Float32Array[] {
  if (granularity === "per-tensor") return [weights];
  return Array.from({ length: weights.length / inFeatures }, (_, row) =>
    weights.subarray(row * inFeatures, (row + 1) * inFeatures),
  );
}

/** Sum of magnitudes. */
export function sumMagnitudes(values: Float32Array): number {
  let sum = 0; // float64: a float32 sum drifts beyond ~1e6 weights
  for (const value of values) sum += Math.abs(value);
  return sum;
}

/** Largest magnitude; exact. */
export function largestMagnitude(values: Float32Array): number {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  return largest;
}

/** Mean of the magnitudes that exceed a threshold; 0 where none does. */
export function meanBeyond(values: Float32Array, threshold: number): number {
  let sum = 0; // float64
  let count = 0;
  for (let i = 0; i < values.length; i++) {
    const magnitude = Math.abs(values[i]);
    const isBeyond = +(magnitude > threshold); // not a branch: no processor foretells it
    sum += magnitude * isBeyond;
    count += isBeyond;
  }
  return count === 0 ? 0 : sum / count;
}

/**
 * The sign of every weight whose magnitude exceeds the threshold of its group, 0 elsewhere.
 *
 * @param thresholds one for the matrix or one per row
 */
export function tritsBeyond(weights: Float32Array, { inFeatures }: MatrixShape, thresholds: Float32Array): Int8Array {
  const trits = new Int8Array(weights.length);
  const groupLength = thresholds.length === 1 ? weights.length : inFeatures;
  for (let group = 0; group < thresholds.length; group++) {
    const threshold = thresholds[group];
    const end = (group + 1) * groupLength;
    // Two compares without a branch: which weights become 0 is what no processor can foretell.
    for (let i = group * groupLength; i < end; i++) trits[i] = +(weights[i] > threshold) - +(weights[i] < -threshold);
  }
  return trits;
}

/** `tritsBeyond` on the training engine, by compares, which it vectorises: `[N, K]`, thresholds `[1, 1]` or `[N, 1]`. */
export function tracedTritsBeyond(weight: Tensor, thresholds: Tensor): Tensor {
  return weight.greater(thresholds).asNumber().sub(weight.less(thresholds.neg()).asNumber());
}

/** Sum over what shares a scale, in the order of the numeric contract: `[N, K]` → `[1, 1]` or `[N, 1]`. */
export function groupSum(values: Tensor, granularity: Granularity): Tensor {
  const rows = values.laneSum();
  return granularity === "per-channel" ? rows : rows.reshape([1, -1]).laneSum();
}

/** Largest magnitude of what shares a scale, exact: `[N, K]` → `[1, 1]` or `[N, 1]`. */
export function groupMaxAbs(values: Tensor, granularity: Granularity): Tensor {
  const rows = values.maxAbs();
  return granularity === "per-channel" ? rows : rows.reshape([1, -1]).maxAbs();
}

/** Number of weights that share a scale. */
export function groupSize(weight: Tensor, granularity: Granularity): number {
  const [outFeatures, inFeatures] = weight.shape;
  return granularity === "per-channel" ? inFeatures : outFeatures * inFeatures;
}

/**
 * The learned scale that a traced rule was given.
 *
 * @throws ShapeError when there is none
 */
export function givenScale(id: string, learnedScale: Tensor | undefined): Tensor {
  if (learnedScale) return learnedScale;
  throw new ShapeError(`quantizer ${id} learns its scale; give trace() the scale that initialScale() started`);
}
