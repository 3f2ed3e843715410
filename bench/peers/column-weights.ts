/** Float weights as peers like them. */
import { scaleOfRow, type TernaryMatrix } from "../../src/core/ternary-matrix.ts";

/** The real weights, `[inFeatures, outFeatures]`. */
export function columnWeights(matrix: TernaryMatrix): Float32Array {
  const { outFeatures: n, inFeatures: k, trits } = matrix;
  const columns = new Float32Array(n * k);
  for (let row = 0; row < n; row++) {
    const scale = scaleOfRow(matrix, row);
    for (let i = 0; i < k; i++) columns[i * n + row] = trits[row * k + i] * scale;
  }
  return columns;
}
