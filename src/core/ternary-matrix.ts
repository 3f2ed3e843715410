/** Unpacked ternary weights: what quantizers give, formats store and backends run. */
import { ShapeError } from "./errors.ts";
import { checkSize } from "./shape.ts";

/** Sizes of a weight matrix `[outFeatures, inFeatures]`. */
export interface MatrixShape {
  outFeatures: number;
  inFeatures: number;
}

/** Trits with their scales; the real weight is `trits[n * inFeatures + k]` times the scale that `scaleOf` gives for it. */
export interface TernaryMatrix extends MatrixShape {
  /** -1, 0 or +1, row-major `[outFeatures, inFeatures]`. */
  trits: Int8Array;
  /**
   * One scale for the tensor or one per row; with `groupSize`, `[outFeatures, ceil(inFeatures / groupSize)]`. Zero or at
   * least 2⁻¹⁰⁰ in magnitude, finite.
   */
  scales: Float32Array;
  /** Trits of a row that share a scale, in files of other programs. Absent where scales are the tensor's or the rows'. */
  groupSize?: number;
}

/** Whether scales are shared by the whole matrix or belong to one output row each. */
export type Granularity = "per-tensor" | "per-channel";

/** What shares a scale; groups are parts of rows, which only storage formats know. */
export type ScaleGranularity = Granularity | "per-group";

/** Largest `inFeatures` whose int8 · trit sums stay below 2²⁴, so that float32 holds them exactly. */
export const MAX_IN_FEATURES = 132_104;

/** Smallest magnitude of a nonzero scale. */
export const MIN_SCALE_MAGNITUDE: number = 2 ** -100;

/**
 * The scale of an output row.
 *
 * @throws ShapeError when its groups have scales of their own: take `scaleOf`, or `ungroup` the matrix
 */
export function scaleOfRow(matrix: TernaryMatrix, row: number): number {
  if (matrix.groupSize !== undefined) {
    throw new ShapeError(
      `a row has no single scale: every ${matrix.groupSize} weights have one of their own; take scaleOf, or ungroup`,
    );
  }
  return matrix.scales.length === 1 ? matrix.scales[0] : matrix.scales[row];
}

/** The scale of the weight in an output row and a column. */
export function scaleOf(matrix: TernaryMatrix, row: number, k: number): number {
  const { scales, groupSize, inFeatures } = matrix;
  if (groupSize === undefined) return scales.length === 1 ? scales[0] : scales[row];
  return scales[row * Math.ceil(inFeatures / groupSize) + Math.floor(k / groupSize)];
}

/** What shares a scale of a matrix. */
export function granularityOf({ scales, groupSize }: TernaryMatrix): ScaleGranularity {
  if (groupSize !== undefined) return "per-group";
  return scales.length === 1 ? "per-tensor" : "per-channel";
}

/** Number of scales of a matrix of a shape. */
export function scaleCountOf(
  { outFeatures, inFeatures }: MatrixShape,
  granularity: ScaleGranularity,
  groupSize: number = inFeatures,
): number {
  if (granularity === "per-tensor") return 1;
  return granularity === "per-channel" ? outFeatures : outFeatures * Math.ceil(inFeatures / groupSize);
}

/** The real weights, `[outFeatures, inFeatures]`. */
export function dequantize(matrix: TernaryMatrix): Float32Array {
  const { outFeatures, inFeatures, trits } = matrix;
  const { groupSize = inFeatures } = matrix;
  const weights = new Float32Array(trits.length);
  for (let row = 0, i = 0; row < outFeatures; row++) {
    for (let first = 0; first < inFeatures; first += groupSize) {
      const scale = scaleOf(matrix, row, first);
      for (const end = i + Math.min(groupSize, inFeatures - first); i < end; i++) weights[i] = trits[i] * scale;
    }
  }
  return weights;
}

/**
 * Checks a matrix at a public edge.
 *
 * @throws ShapeError when sizes disagree, a trit is not -1, 0 or +1, or a scale is not allowed
 */
export function checkTernaryMatrix(matrix: TernaryMatrix): void {
  checkSizes(matrix);
  checkTrits(matrix.trits);
  checkScales(matrix);
}

/** Checks how many trits and scales a matrix has. @throws ShapeError when they do not fit its sizes */
export function checkSizes(matrix: TernaryMatrix): void {
  const { outFeatures, inFeatures, trits, groupSize } = matrix;
  checkSize("outFeatures", outFeatures);
  checkSize("inFeatures", inFeatures);
  if (groupSize !== undefined) checkSize("groupSize", groupSize);
  if (trits.length !== outFeatures * inFeatures) {
    throw new ShapeError(`trits must hold ${outFeatures} x ${inFeatures} values, got ${trits.length}`);
  }
}

/** @throws ShapeError naming the first value that is not -1, 0 or +1 */
export function checkTrits(trits: Int8Array): void {
  // By index: an iterator takes seven times as long, and every layer that is loaded passes here.
  for (let i = 0; i < trits.length; i++) {
    if (trits[i] < -1 || trits[i] > 1) throw new ShapeError(`a trit must be -1, 0 or 1, got ${trits[i]}`);
  }
}

/** Checks the scales of a matrix. @throws ShapeError when there are too many or too few, or one is not allowed */
export function checkScales({ outFeatures, inFeatures, scales, groupSize }: Omit<TernaryMatrix, "trits">): void {
  if (groupSize !== undefined) {
    const groups = scaleCountOf({ outFeatures, inFeatures }, "per-group", groupSize);
    if (scales.length !== groups) {
      throw new ShapeError(`scales must hold one value per ${groupSize} weights (${groups}), got ${scales.length}`);
    }
  } else if (scales.length !== 1 && scales.length !== outFeatures) {
    throw new ShapeError(`scales must hold 1 value or one per row (${outFeatures}), got ${scales.length}`);
  }
  for (const scale of scales) checkScale(scale);
}

/**
 * Checks one scale.
 *
 * @throws ShapeError when it is not finite, or nonzero and below 2⁻¹⁰⁰ in magnitude
 */
export function checkScale(scale: number): void {
  if (isScale(scale)) return;
  throw new ShapeError(`a scale must be zero or a finite number of at least 2^-100 in magnitude, got ${scale}`);
}

/** Whether a number may be a scale: zero, or finite and at least 2⁻¹⁰⁰ in magnitude. */
export function isScale(scale: number): boolean {
  return scale === 0 || (Number.isFinite(scale) && Math.abs(scale) >= MIN_SCALE_MAGNITUDE);
}
