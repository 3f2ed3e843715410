/** Least squares for a few unknowns. */

/** What elimination must leave of a diagonal value for its unknown to count as independent of those before. */
const INDEPENDENT = 1e-10;

/**
 * The solution x of A x = b for a positive semidefinite A, `[count, count]` row-major, by elimination; 0 for an unknown whose
 * column is a combination of the ones before, which leaves the rest a best solution. Neither A nor b is changed.
 */
export function solveNormalEquations(matrix: Float64Array, right: Float64Array): Float64Array {
  const count = right.length;
  const a = matrix.slice();
  const x = right.slice();
  const isIndependent = (i: number): boolean => a[i * count + i] > INDEPENDENT * matrix[i * count + i];
  for (let i = 0; i < count; i++) {
    if (!isIndependent(i)) continue;
    for (let below = i + 1; below < count; below++) {
      const factor = a[below * count + i] / a[i * count + i];
      for (let j = i; j < count; j++) a[below * count + j] -= factor * a[i * count + j];
      x[below] -= factor * x[i];
    }
  }
  for (let i = count - 1; i >= 0; i--) {
    for (let j = i + 1; j < count; j++) x[i] -= a[i * count + j] * x[j];
    x[i] = isIndependent(i) ? x[i] / a[i * count + i] : 0;
  }
  return x;
}
