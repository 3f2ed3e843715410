/** How trits are stored: the contract of every format. */
import type { MatrixShape, TernaryMatrix } from "../core/ternary-matrix.ts";

/** A byte layout of ternary weights. Storage only: kernels have layouts of their own. */
export interface Format {
  readonly id: string;
  /** One line for help texts and tables. */
  readonly summary: string;
  /** Bits a weight takes, without tails and scales. */
  readonly bitsPerWeight: number;
  /** Bytes of the packed trits; tails of rows are padded. */
  byteLength(shape: MatrixShape): number;
  /**
   * The trits as bytes; scales are stored beside them.
   *
   * @throws ShapeError when the matrix is not one
   */
  pack(matrix: TernaryMatrix): Uint8Array;
  /**
   * Checks packed bytes without unpacking them.
   *
   * @throws ShapeError when the bytes do not fit the shape or hold a code that stands for no trit
   */
  check(bytes: Uint8Array, shape: MatrixShape): void;
  /**
   * The trits of some rows again, of bytes that `check` has passed.
   *
   * @param first first of the rows
   * @param count number of rows
   * @returns `[count, inFeatures]`
   */
  unpackRows(bytes: Uint8Array, shape: MatrixShape, first: number, count: number): Int8Array;
  /**
   * The matrix again.
   *
   * @param scales stored beside the bytes; without them the matrix has scale 1
   * @throws ShapeError when the bytes or scales do not fit the shape or hold what stands for no trit or scale
   */
  unpack(bytes: Uint8Array, shape: MatrixShape, scales?: Float32Array): TernaryMatrix;
}
