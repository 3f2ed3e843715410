/** Ternary weights that are read in parts, so that they never have to be in memory as a whole. */
import { ShapeError } from "./errors.ts";
import { checkSize } from "./shape.ts";
import { checkScale, type MatrixShape, type TernaryMatrix } from "./ternary-matrix.ts";

/** Trits by rows, with their scales. */
export interface TernaryRows extends MatrixShape {
  /** One scale for the tensor or one per row, as in a `TernaryMatrix`. */
  readonly scales: Float32Array;
  /**
   * Rows `first` to `first + count`, at most to the last one: -1, 0 or +1, `[count, inFeatures]`. They are the caller's only
   * until the next call.
   */
  readRows(first: number, count: number): Int8Array;
}

/** Weights as layers are made of them. */
export type TernaryWeights = TernaryMatrix | TernaryRows;

/** Weights by rows; those of a matrix are views of it. */
export function rowsOf(weights: TernaryWeights): TernaryRows {
  if (!("trits" in weights)) return weights;
  const { outFeatures, inFeatures, scales, trits } = weights;
  const readRows = (first: number, count: number): Int8Array =>
    trits.subarray(first * inFeatures, (first + count) * inFeatures);
  return { outFeatures, inFeatures, scales, readRows };
}

/** Weights as a matrix; a matrix is given back as it is. */
export function matrixOf(weights: TernaryWeights): TernaryMatrix {
  if ("trits" in weights) return weights;
  const { outFeatures, inFeatures, scales } = weights;
  return { outFeatures, inFeatures, scales, trits: weights.readRows(0, outFeatures).slice() };
}

/**
 * Checks rows at a public edge; their trits are for those to check who read them.
 *
 * @throws ShapeError when sizes disagree or a scale is not allowed
 */
export function checkTernaryRows({ outFeatures, inFeatures, scales }: TernaryRows): void {
  checkSize("outFeatures", outFeatures);
  checkSize("inFeatures", inFeatures);
  if (scales.length !== 1 && scales.length !== outFeatures) {
    throw new ShapeError(`scales must hold 1 value or one per row (${outFeatures}), got ${scales.length}`);
  }
  for (const scale of scales) checkScale(scale);
}
