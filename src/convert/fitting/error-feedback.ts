/**
 * One pass over the inputs that rounds each weight to a level and lets the weights after it make good for the error.
 *
 * With r = Lᵀ(w - ŵ) the output error of a row is Σ r², and r_i holds only the weights from i on:
 *
 *     r_i = y_i - Σ_{j>i} L_ji ŵ_j - L_ii ŵ_i        y = Lᵀ w
 *
 * So from the last weight to the first each ŵ_i can be chosen to make its own r_i small: the level nearest to
 * (y_i - Σ_{j>i} L_ji ŵ_j) / L_ii.
 *
 * These are the choices of GPTQ, which goes the other way round through the inverse: with the weights of one side fixed, the
 * free ones that leave the least error spread the error by the rows of the Cholesky factor of H⁻¹, and that factor is L⁻¹
 * of the reversed order. No inverse is needed here, and the error is known at the end.
 *
 * Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers", 2022,
 * arXiv:2210.17323; Chen et al., "The Geometry of LLM Quantization: GPTQ as Babai's Nearest Plane Algorithm", 2025,
 * arXiv:2507.18553.
 */
import { BLOCK, type OutputMetric } from "./output-metric.ts";
import type { RowLevels } from "./row-levels.ts";
import { dot } from "./row-products.ts";

/** Weights at levels, and what they give. */
export interface RoundedRows {
  /** Place of each weight's level, `[rows, size]`. */
  readonly places: Uint8Array;
  /** Lᵀ ŵ, `[rows, size]`. */
  readonly outputs: Float64Array;
}

/**
 * Rounds rows to their levels.
 *
 * @param outputs y = Lᵀ w of each row, `[rows, size]`
 * @param levels of each row
 */
export function roundWithFeedback(
  outputs: Float64Array,
  levels: readonly RowLevels[],
  metric: OutputMetric,
): RoundedRows {
  const { size, factor } = metric;
  const places = new Uint8Array(outputs.length);
  const rounded = new Float64Array(outputs.length);
  const reached = new Float64Array(outputs.length); // Lᵀ ŵ, of the weights that are chosen
  for (let end = size; end > 0; ) {
    const first = Math.floor((end - 1) / BLOCK) * BLOCK;
    metric.addBeyond(rounded, first, end, reached);
    for (let row = 0; row < levels.length; row++) {
      const at = row * size;
      const { values } = levels[row];
      for (let i = end - 1; i >= first; i--) {
        const diagonal = factor[i * size + i];
        const others = reached[at + i] + dot(factor, i * size + i + 1, rounded, at + i + 1, end - 1 - i);
        const place = levels[row].nearest((outputs[at + i] - others) / diagonal);
        places[at + i] = place;
        rounded[at + i] = values[place];
        reached[at + i] = others + diagonal * values[place];
      }
    }
    end = first;
  }
  return { places, outputs: reached };
}
