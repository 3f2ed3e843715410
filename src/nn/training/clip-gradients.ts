/** Gradient clipping. */
import type { Tensor } from "../../tensor/index.ts";

/**
 * Scales gradients so that the norm of all of them together is at most `maximum`.
 *
 * Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks", 2012, arXiv:1211.5063.
 */
export function clipByNorm(gradients: readonly Tensor[], maximum: number): Tensor[] {
  const norm = gradients
    .map(sumOfSquares)
    .reduce((sum, square) => sum.add(square))
    .sqrt();
  const factor = norm.add(1e-6).reciprocal().mul(maximum).minimum(1);
  return gradients.map((gradient) => gradient.mul(factor));
}

/** Summed row by row first: one float32 sum over a large weight would drift, and is slow. */
function sumOfSquares(gradient: Tensor): Tensor {
  const rowLength = gradient.shape.at(-1) ?? 1;
  return gradient.square().reshape([-1, rowLength]).laneSum().reshape([1, -1]).laneSum().reshape([]);
}
