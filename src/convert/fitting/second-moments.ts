/** What a layer's inputs tell about its weights: how much an error in one of them, or in two at once, costs in outputs. */
import { ShapeError } from "../../core/errors.ts";
import { checkSize } from "../../core/shape.ts";
import { addRowProducts } from "./row-products.ts";

/** Tokens that are multiplied together; their values, turned round, are held as float64. */
const TOKENS = 512;
/** Rows of the matrix that are computed together, of which those above the diagonal are for nothing. */
const BLOCK = 48;

/**
 * H = Σ x xᵀ over the inputs x of a layer, so that ‖(W - Ŵ)X‖² is the sum of e H eᵀ over the rows e of W - Ŵ.
 *
 * Memory: 8 · inFeatures² bytes. Sums are float64.
 */
export class SecondMoments {
  readonly inFeatures: number;
  /** Lower triangle, row-major `[inFeatures, inFeatures]`. */
  private readonly sums: Float64Array;
  private count = 0;

  /** @throws ShapeError for a size that is not allowed */
  constructor(inFeatures: number) {
    checkSize("inFeatures", inFeatures);
    this.inFeatures = inFeatures;
    this.sums = new Float64Array(inFeatures * inFeatures);
  }

  /** Number of inputs seen. */
  get tokens(): number {
    return this.count;
  }

  /**
   * Takes inputs into account.
   *
   * @param inputs `[tokens, inFeatures]`; what is refused changes nothing
   * @throws ShapeError for inputs of another size, and where one is not finite
   */
  add(inputs: Float32Array): void {
    const { inFeatures } = this;
    if (inputs.length % inFeatures !== 0) {
      throw new ShapeError(`inputs must hold a multiple of ${inFeatures} values, one per input, got ${inputs.length}`);
    }
    checkInputs(inputs, inFeatures);
    const tokens = inputs.length / inFeatures;
    for (let first = 0; first < tokens; first += TOKENS) {
      const count = Math.min(TOKENS, tokens - first);
      this.addBlock(inputs.subarray(first * inFeatures, (first + count) * inFeatures), count);
    }
    this.count += tokens;
  }

  /** The whole matrix, symmetric, row-major `[inFeatures, inFeatures]`, with rows and columns in an order of their own. */
  ordered(order: ArrayLike<number>): Float64Array {
    const { inFeatures } = this;
    const matrix = new Float64Array(inFeatures * inFeatures);
    for (let i = 0; i < inFeatures; i++) {
      for (let j = 0; j <= i; j++) {
        const value = this.at(order[i], order[j]);
        matrix[i * inFeatures + j] = value;
        matrix[j * inFeatures + i] = value;
      }
    }
    return matrix;
  }

  /** Σ x_i² of each input. */
  diagonal(): Float64Array {
    return Float64Array.from({ length: this.inFeatures }, (_, i) => this.at(i, i));
  }

  private at(i: number, j: number): number {
    return this.sums[Math.max(i, j) * this.inFeatures + Math.min(i, j)];
  }

  private addBlock(inputs: Float32Array, tokens: number): void {
    const { inFeatures, sums } = this;
    const columns = new Float64Array(inputs.length); // one row for each input: `[inFeatures, tokens]`
    for (let token = 0, i = 0; token < tokens; token++) {
      for (let k = 0; k < inFeatures; k++) columns[k * tokens + token] = inputs[i++];
    }
    for (let first = 0; first < inFeatures; first += BLOCK) {
      const count = Math.min(BLOCK, inFeatures - first);
      addRowProducts(
        { values: columns, at: first * tokens, stride: tokens, count },
        { values: columns, at: 0, stride: tokens, count: first + count },
        tokens,
        { values: sums, at: first * inFeatures, stride: inFeatures, count },
      );
    }
  }
}

function checkInputs(inputs: Float32Array, inFeatures: number): void {
  for (let i = 0; i < inputs.length; i++) {
    if (Number.isFinite(inputs[i])) continue;
    throw new ShapeError(
      `calibration inputs must be finite, got ${inputs[i]} in row ${Math.floor(i / inFeatures)}, column ${i % inFeatures}; leave that sample out, or look for what made it`,
    );
  }
}
