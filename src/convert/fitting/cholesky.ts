/** The triangular factor of a symmetric positive definite matrix. */
import { addRowProducts, dot } from "./row-products.ts";

const BLOCK = 48;

/**
 * The factor L of H = L · Lᵀ, mirrored at the diagonal, row-major `[size, size]`: up to the diagonal row i holds that of L,
 * from there on that of Lᵀ, so that products with both run along rows. By blocks of columns: what the columns to the left
 * take away from a block are products of rows, and only the block itself is solved value by value.
 *
 * @param matrix row-major `[size, size]`, of which the lower triangle is read; undefined is returned where it is not
 *   positive definite in float64
 */
export function mirroredCholesky(matrix: Float64Array, size: number): Float64Array | undefined {
  const factor = new Float64Array(size * size);
  for (let i = 0; i < size; i++) factor.set(matrix.subarray(i * size, i * size + i + 1), i * size);
  const update = new Float64Array(size * BLOCK);
  for (let first = 0; first < size; first += BLOCK) {
    const columns = Math.min(BLOCK, size - first);
    const rows = size - first;
    update.fill(0);
    const at = first * size;
    addRowProducts(
      { values: factor, at, stride: size, count: rows },
      { values: factor, at, stride: size, count: columns },
      first,
      { values: update, at: 0, stride: columns, count: rows },
    );
    for (let row = 0; row < rows; row++) {
      const start = (first + row) * size + first;
      for (let column = 0; column < Math.min(columns, row + 1); column++) {
        const across = (first + column) * size + first;
        const rest =
          factor[start + column] - update[row * columns + column] - dot(factor, start, factor, across, column);
        if (column < row) factor[start + column] = rest / factor[across + column];
        else if (rest > 0) factor[start + column] = Math.sqrt(rest);
        else return undefined;
      }
    }
  }
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < i; j++) factor[j * size + i] = factor[i * size + j];
  }
  return factor;
}
