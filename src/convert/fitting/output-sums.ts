/** What an error in the weights of a layer does to its outputs, by the second moments of its inputs. */
import { scaleOf, type TernaryMatrix } from "../../core/ternary-matrix.ts";
import { addRowProducts, dot } from "./row-products.ts";
import type { SecondMoments } from "./second-moments.ts";

const ROWS = 48;

/**
 * ‖WX‖² and ‖(W - Ŵ)X‖² over the inputs X that the moments have seen, Ŵ being what planes add up to.
 *
 * @param weights row-major `[outFeatures, inFeatures]`
 */
export function outputSums(
  weights: Float32Array,
  planes: readonly TernaryMatrix[],
  moments: SecondMoments,
): { squaredOutputs: number; squaredError: number } {
  const size = moments.inFeatures;
  const matrix = moments.ordered(Uint32Array.from({ length: size }, (_, i) => i));
  const outFeatures = weights.length / size;
  let [squaredOutputs, squaredError] = [0, 0];
  for (let first = 0; first < outFeatures; first += ROWS) {
    const count = Math.min(ROWS, outFeatures - first);
    const real = Float64Array.from(weights.subarray(first * size, (first + count) * size));
    const rest = real.map((weight, i) => {
      const [row, k] = [first + Math.floor(i / size), i % size];
      return planes.reduce((left, plane) => left - plane.trits[row * size + k] * scaleOf(plane, row, k), weight);
    });
    squaredOutputs += quadraticForm(real, matrix, size);
    squaredError += quadraticForm(rest, matrix, size);
  }
  // Rounding can lead below zero.
  return { squaredOutputs: Math.max(0, squaredOutputs), squaredError: Math.max(0, squaredError) };
}

/** Σ x H x of the rows x. */
function quadraticForm(rows: Float64Array, matrix: Float64Array, size: number): number {
  const count = rows.length / size;
  const products = new Float64Array(rows.length);
  addRowProducts(
    { values: rows, at: 0, stride: size, count },
    { values: matrix, at: 0, stride: size, count: size },
    size,
    { values: products, at: 0, stride: size, count },
  );
  return dot(rows, 0, products, 0, rows.length);
}
