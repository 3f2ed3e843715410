/**
 * Products of the rows of two matrices, out[i, j] += Σ_k a[i, k] · b[j, k], in float64: what all the fitting spends its time
 * on. By blocks that fit the caches, in WebAssembly, whose vectors take a fifth of the time of plain loops; its operations
 * are defined bit for bit, so every machine finds the same planes.
 */
import { openSmallModule } from "../../core/wasm-module.ts";
import { base64 } from "./row-products-module.ts";

/** Rows of a matrix: `row r, column k` stands at `values[at + r * stride + k]`. */
export interface Rows {
  readonly values: Float64Array;
  readonly at: number;
  readonly stride: number;
  readonly count: number;
}

/** Columns of `a` and `b` that a block holds: the rows of a tile then stay in the first cache. */
const COLUMNS = 512;
/** Rows of a block of `a`, a multiple of 2, and of `b`, a multiple of 4: a quarter of a megabyte, for the second cache. */
const A_ROWS = 48;
const B_ROWS = 64;
const VALUES = A_ROWS * COLUMNS + B_ROWS * COLUMNS + A_ROWS * B_ROWS;

/** The module with its memory, in which a block of each matrix and their products have their places. */
interface Kernel {
  readonly a: Float64Array;
  readonly b: Float64Array;
  readonly out: Float64Array;
  /** Products of the first rows of `a` and `b`, which begin `COLUMNS` values apart, over the first columns. */
  multiply(rows: number, others: number, columns: number): void;
}

let kernel: Kernel | undefined;

/** Adds the products of all rows of `a` with all rows of `b`, over their first `length` columns, to `out`. */
export function addRowProducts(a: Rows, b: Rows, length: number, out: Rows): void {
  kernel ??= openKernel();
  for (let k = 0; k < length; k += COLUMNS) {
    const columns = Math.min(COLUMNS, length - k);
    for (let i = 0; i < a.count; i += A_ROWS) {
      const rows = Math.min(A_ROWS, a.count - i);
      copyBlock(a, i, rows, k, columns, kernel.a);
      for (let j = 0; j < b.count; j += B_ROWS) {
        const others = Math.min(B_ROWS, b.count - j);
        copyBlock(b, j, others, k, columns, kernel.b);
        const width = roundUp(others, 4);
        kernel.multiply(roundUp(rows, 2), width, roundUp(columns, 2));
        for (let row = 0; row < rows; row++) {
          const to = out.at + (i + row) * out.stride + j;
          for (let other = 0; other < others; other++) out.values[to + other] += kernel.out[row * width + other];
        }
      }
    }
  }
}

/** Rows that a tile reads beyond the block's own are left as they are: nobody reads their products. */
function copyBlock(from: Rows, first: number, rows: number, k: number, columns: number, to: Float64Array): void {
  for (let row = 0; row < rows; row++) {
    const at = from.at + (first + row) * from.stride + k;
    to.set(from.values.subarray(at, at + columns), row * COLUMNS);
    if (columns % 2 === 1) to[row * COLUMNS + columns] = 0;
  }
}

function openKernel(): Kernel {
  const { exports, buffer, start } = openSmallModule<{
    multiplyRows(
      a: number,
      rows: number,
      b: number,
      others: number,
      stride: number,
      columns: number,
      out: number,
    ): void;
  }>(base64, VALUES * Float64Array.BYTES_PER_ELEMENT);
  const a = new Float64Array(buffer, start, A_ROWS * COLUMNS);
  const b = new Float64Array(buffer, a.byteOffset + a.byteLength, B_ROWS * COLUMNS);
  const out = new Float64Array(buffer, b.byteOffset + b.byteLength, A_ROWS * B_ROWS);
  return {
    ...{ a, b, out },
    multiply: (rows, others, columns) =>
      exports.multiplyRows(a.byteOffset, rows, b.byteOffset, others, COLUMNS, columns, out.byteOffset),
  };
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

/** Σ a[i] · b[i] from two places on. */
export function dot(a: Float64Array, atA: number, b: Float64Array, atB: number, length: number): number {
  let sum = 0;
  for (let k = 0; k < length; k++) sum += a[atA + k] * b[atB + k];
  return sum;
}
