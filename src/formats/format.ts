/** How trits are stored: the contract of every format. */
import type { MatrixShape, ScaleGranularity, TernaryMatrix } from "../core/ternary-matrix.ts";

/** Scales of a matrix, and how many trits of a row share one where that is less than the row. */
export type MatrixScales = Pick<TernaryMatrix, "scales" | "groupSize">;

/** A byte layout of ternary weights. Storage only: kernels have layouts of their own. */
export interface Format {
  readonly id: string;
  /** One line for help texts and tables. */
  readonly summary: string;
  /** Bits a weight takes, without tails and scales. */
  readonly bitsPerWeight: number;
  /** Whether scales are a tensor of their own, beside the bytes, or lie inside them. */
  readonly scales: "beside" | "inside";
  /** What can share a scale here, or in the programs that read the format. */
  readonly granularities: readonly ScaleGranularity[];
  /** Trits of a row that share a scale; absent where "per-group" is not held, or with groups of any size. */
  readonly groupSize?: number;
  /** Why no matrix of a shape can be stored; undefined where one can. */
  limit(shape: MatrixShape): string | undefined;
  /**
   * Bytes of the packed trits, tails padded, and of the scales where they are inside.
   *
   * @throws ShapeError when no matrix of the shape can be stored
   */
  byteLength(shape: MatrixShape): number;
  /**
   * The same weights with scales as this format has them: what is to be stored beside the bytes.
   *
   * @throws ShapeError when the format cannot hold the scales without changing a weight
   */
  fit(matrix: TernaryMatrix): TernaryMatrix;
  /**
   * As `fit`, with every scale rounded to the nearest that the format can hold: compare it with the matrix to tell what was
   * lost.
   *
   * @throws ShapeError when too many scales differ, or one is too large or too small
   */
  roundScales(matrix: TernaryMatrix): TernaryMatrix;
  /**
   * The trits as bytes, with the scales where those are inside. Never with loss.
   *
   * @throws ShapeError when the matrix is not one, or the format cannot hold its shape or its scales
   */
  pack(matrix: TernaryMatrix): Uint8Array;
  /**
   * Checks packed bytes without unpacking them.
   *
   * @throws ShapeError when the bytes do not fit the shape or hold a code that stands for no trit or scale
   */
  check(bytes: Uint8Array, shape: MatrixShape): void;
  /**
   * The trits of some rows again, of bytes that `check` has passed.
   *
   * @param first first of the rows
   * @param count number of rows
   * @param into where they go, at its start; a new array where absent
   * @returns `[count, inFeatures]`, a view of `into` where that is given
   * @throws ShapeError when `into` is too small
   */
  unpackRows(bytes: Uint8Array, shape: MatrixShape, first: number, count: number, into?: Int8Array): Int8Array;
  /**
   * The scales inside the bytes.
   *
   * @throws ShapeError when they are not inside, the bytes do not fit the shape, or a scale is none
   */
  scalesOf(bytes: Uint8Array, shape: MatrixShape): MatrixScales;
  /**
   * The matrix again.
   *
   * @param scales stored beside the bytes; without them the matrix has scale 1. Not for formats with scales inside
   * @param groupSize trits of a row that share one of `scales`
   * @throws ShapeError when the bytes or scales do not fit the shape or hold what stands for no trit or scale
   */
  unpack(bytes: Uint8Array, shape: MatrixShape, scales?: Float32Array, groupSize?: number): TernaryMatrix;
}
