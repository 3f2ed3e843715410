/** Unpacked ternary weights: what quantizers give, formats store and backends run. */
import { ShapeError } from "./errors.ts";
import { checkSize } from "./shape.ts";

/** Sizes of a weight matrix `[outFeatures, inFeatures]`. */
export interface MatrixShape {
  outFeatures: number;
  inFeatures: number;
}

/** Trits with their scales; the real weight is `trits[n * inFeatures + k] * scale of row n`. */
export interface TernaryMatrix extends MatrixShape {
  /** -1, 0 or +1, row-major `[outFeatures, inFeatures]`. */
  trits: Int8Array;
  /** One scale for the tensor or one per row; zero or at least 2⁻¹⁰⁰ in magnitude, finite. */
  scales: Float32Array;
}

/** Whether scales are shared by the whole matrix or belong to one output row each. */
export type Granularity = "per-tensor" | "per-channel";

/** Largest `inFeatures` whose int8 · trit sums stay below 2²⁴, so that float32 holds them exactly. */
export const MAX_IN_FEATURES = 132_104;

/** Smallest magnitude of a nonzero scale. */
export const MIN_SCALE_MAGNITUDE: number = 2 ** -100;

/** The scale of an output row. */
export function scaleOfRow(matrix: TernaryMatrix, row: number): number {
  return matrix.scales.length === 1 ? matrix.scales[0] : matrix.scales[row];
}

/** The real weights, `[outFeatures, inFeatures]`. */
export function dequantize(matrix: TernaryMatrix): Float32Array {
  const { inFeatures, trits } = matrix;
  return Float32Array.from(trits, (trit, i) => trit * scaleOfRow(matrix, Math.floor(i / inFeatures)));
}

/**
 * Checks a matrix at a public edge.
 *
 * @throws ShapeError when sizes disagree, a trit is not -1, 0 or +1, or a scale is not allowed
 */
export function checkTernaryMatrix(matrix: TernaryMatrix): void {
  const { outFeatures, inFeatures, trits, scales } = matrix;
  checkSize("outFeatures", outFeatures);
  checkSize("inFeatures", inFeatures);
  if (trits.length !== outFeatures * inFeatures) {
    throw new ShapeError(`trits must hold ${outFeatures} x ${inFeatures} values, got ${trits.length}`);
  }
  if (scales.length !== 1 && scales.length !== outFeatures) {
    throw new ShapeError(`scales must hold 1 value or one per row (${outFeatures}), got ${scales.length}`);
  }
  // By index: an iterator takes seven times as long, and every layer that is loaded passes here.
  for (let i = 0; i < trits.length; i++) {
    if (trits[i] < -1 || trits[i] > 1) throw new ShapeError(`a trit must be -1, 0 or 1, got ${trits[i]}`);
  }
  for (const scale of scales) checkScale(scale);
}

/**
 * Checks one scale.
 *
 * @throws ShapeError when it is not finite, or nonzero and below 2⁻¹⁰⁰ in magnitude
 */
export function checkScale(scale: number): void {
  if (!Number.isFinite(scale) || (scale !== 0 && Math.abs(scale) < MIN_SCALE_MAGNITUDE)) {
    throw new ShapeError(`a scale must be zero or a finite number of at least 2^-100 in magnitude, got ${scale}`);
  }
}
