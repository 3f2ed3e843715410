/**
 * Products of the rows of two matrices, out[i, j] += Σ_k a[i, k] · b[j, k], in float64: what all the fitting spends its time
 * on. Plain loops in tiles, so that each value that is read serves several products, and in blocks that fit the caches.
 */

/** Rows of a matrix: `row r, column k` stands at `values[at + r * stride + k]`. */
export interface Rows {
  readonly values: Float64Array;
  readonly at: number;
  readonly stride: number;
  readonly count: number;
}

/** Columns of `a` and `b` that a block holds: a tile's rows then stay in the first cache. */
const COLUMNS = 512;
/** Rows of `b` that a block holds: with its columns a quarter of a megabyte, for the second cache. */
const ROWS = 63;
const TILE = 3;

/**
 * Adds `factor` times the products of all rows of `a` with all rows of `b`, over their first `length` columns, to `out`.
 *
 * @param out must share no values with `a` and `b`
 */
export function addRowProducts(a: Rows, b: Rows, length: number, out: Rows, factor: 1 | -1 = 1): void {
  for (let k = 0; k < length; k += COLUMNS) {
    const columns = Math.min(COLUMNS, length - k);
    for (let first = 0; first < b.count; first += ROWS) {
      const end = Math.min(first + ROWS, b.count);
      for (let i = 0; i < a.count; i += TILE) {
        const isWide = i + TILE <= a.count;
        let j = first;
        if (isWide) for (; j + TILE <= end; j += TILE) addTile(a, i, b, j, k, columns, out, factor);
        for (let row = i; row < Math.min(i + TILE, a.count); row++) {
          for (let other = j; other < end; other++) {
            const sum = dot(a.values, a.at + row * a.stride + k, b.values, b.at + other * b.stride + k, columns);
            out.values[out.at + row * out.stride + other] += factor * sum;
          }
        }
      }
    }
  }
}

/** Σ a[i] · b[i] from two places on. */
export function dot(a: Float64Array, atA: number, b: Float64Array, atB: number, length: number): number {
  let sum = 0;
  for (let k = 0; k < length; k++) sum += a[atA + k] * b[atB + k];
  return sum;
}

/** Three rows by three rows: nine sums stay in registers, six values are read for nine products. */
function addTile(a: Rows, i: number, b: Rows, j: number, k: number, columns: number, out: Rows, factor: number): void {
  const x = a.values;
  const y = b.values;
  const x0 = a.at + i * a.stride + k;
  const x1 = x0 + a.stride;
  const x2 = x1 + a.stride;
  const y0 = b.at + j * b.stride + k;
  const y1 = y0 + b.stride;
  const y2 = y1 + b.stride;
  let [s00, s01, s02, s10, s11, s12, s20, s21, s22] = [0, 0, 0, 0, 0, 0, 0, 0, 0];
  for (let c = 0; c < columns; c++) {
    const p0 = x[x0 + c];
    const p1 = x[x1 + c];
    const p2 = x[x2 + c];
    const q0 = y[y0 + c];
    s00 += p0 * q0;
    s10 += p1 * q0;
    s20 += p2 * q0;
    const q1 = y[y1 + c];
    s01 += p0 * q1;
    s11 += p1 * q1;
    s21 += p2 * q1;
    const q2 = y[y2 + c];
    s02 += p0 * q2;
    s12 += p1 * q2;
    s22 += p2 * q2;
  }
  const z = out.values;
  const z0 = out.at + i * out.stride + j;
  const z1 = z0 + out.stride;
  const z2 = z1 + out.stride;
  z[z0] += factor * s00;
  z[z0 + 1] += factor * s01;
  z[z0 + 2] += factor * s02;
  z[z1] += factor * s10;
  z[z1 + 1] += factor * s11;
  z[z1 + 2] += factor * s12;
  z[z2] += factor * s20;
  z[z2 + 1] += factor * s21;
  z[z2 + 2] += factor * s22;
}
