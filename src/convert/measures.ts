/** What a conversion costs, in numbers: sums in float64 that grow block by block and can be put together. */
import { ShapeError } from "../core/errors.ts";
import type { TernaryMatrix } from "../core/ternary-matrix.ts";
import { scaleOf } from "../core/ternary-matrix.ts";

/** What `WeightMeasures` adds up, as plain numbers: to be kept, and to be added to those of other layers. */
export interface WeightSums {
  /** Number of weights. */
  readonly weights: number;
  /** Σ w² */
  readonly squaredWeights: number;
  /** Σ ŵ² of the weights that the planes add up to. */
  readonly squaredFit: number;
  /** Σ w · ŵ */
  readonly product: number;
  /** Σ (w - ŵ)² */
  readonly squaredError: number;
  /** Trits of all planes. */
  readonly trits: number;
  /** Those of them that are 0. */
  readonly zeros: number;
}

const NOTHING: WeightSums = {
  weights: 0,
  squaredWeights: 0,
  squaredFit: 0,
  product: 0,
  squaredError: 0,
  trits: 0,
  zeros: 0,
};

/** How far ternary weights are from the float ones, over any number of blocks of rows, layers or whole models. */
export class WeightMeasures {
  private total: WeightSums;

  constructor(sums: WeightSums = NOTHING) {
    this.total = sums;
  }

  /** The sums so far. */
  get sums(): WeightSums {
    return this.total;
  }

  /** ‖W - Ŵ‖ / ‖W‖: 0 where both are zero, infinite where only W is. */
  get relativeError(): number {
    return relative(this.total.squaredError, this.total.squaredWeights);
  }

  /** Cosine of the angle between W and Ŵ: 1 where both are zero, 0 where one of them is. */
  get cosine(): number {
    const { squaredWeights, squaredFit, product } = this.total;
    if (squaredWeights === 0 && squaredFit === 0) return 1;
    const size = Math.sqrt(squaredWeights) * Math.sqrt(squaredFit);
    return size === 0 ? 0 : Math.min(1, product / size); // roundings of the sums can lead beyond 1
  }

  /** Share of zeros among the trits of all planes. */
  get sparsity(): number {
    return this.total.trits === 0 ? 0 : this.total.zeros / this.total.trits;
  }

  /**
   * Takes a block of rows into account.
   *
   * @param weights the float weights of the block, row-major
   * @param planes the planes of these rows, which add up to the ternary weights
   * @throws ShapeError where sizes disagree
   */
  add(weights: Float32Array, planes: readonly TernaryMatrix[]): void {
    let [squaredWeights, squaredFit, product, squaredError] = [0, 0, 0, 0];
    for (const plane of planes) checkLength("trits of a plane", plane.trits.length, weights.length);
    const fit = planes.length === 0 ? new Float64Array(weights.length) : exactSum(planes);
    for (let i = 0; i < weights.length; i++) {
      const weight = weights[i];
      squaredWeights += weight * weight;
      squaredFit += fit[i] * fit[i];
      product += weight * fit[i];
      squaredError += (weight - fit[i]) ** 2;
    }
    const trits = weights.length * planes.length;
    const zeros = planes.reduce((sum, plane) => sum + zerosIn(plane.trits), 0);
    this.addSums({ weights: weights.length, squaredWeights, squaredFit, product, squaredError, trits, zeros });
  }

  /** Takes the sums of other blocks or layers into account. */
  addSums(other: WeightSums): void {
    const { total } = this;
    this.total = {
      weights: total.weights + other.weights,
      squaredWeights: total.squaredWeights + other.squaredWeights,
      squaredFit: total.squaredFit + other.squaredFit,
      product: total.product + other.product,
      squaredError: total.squaredError + other.squaredError,
      trits: total.trits + other.trits,
      zeros: total.zeros + other.zeros,
    };
  }
}

/** Sums of what outputs are and should be, block by block. */
export class OutputMeasures {
  private squaredOutputs = 0;
  private squaredError = 0;

  /** ‖Y - Ŷ‖ / ‖Y‖: 0 where both are zero, infinite where only Y is. */
  get relativeError(): number {
    return relative(this.squaredError, this.squaredOutputs);
  }

  /**
   * Takes outputs into account.
   *
   * @param expected outputs of the float layer or model
   * @param actual outputs of the ternary one, of the same inputs
   * @throws ShapeError where there are not as many of both
   */
  add(expected: Float32Array, actual: Float32Array): void {
    checkLength("actual outputs", actual.length, expected.length);
    for (let i = 0; i < expected.length; i++) {
      this.squaredOutputs += expected[i] ** 2;
      this.squaredError += (expected[i] - actual[i]) ** 2;
    }
  }
}

/** The weights that planes add up to, not rounded on the way. */
function exactSum(planes: readonly TernaryMatrix[]): Float64Array {
  const [{ outFeatures, inFeatures, trits }] = planes;
  const sum = new Float64Array(trits.length);
  for (const plane of planes) {
    const group = plane.groupSize ?? inFeatures;
    for (let row = 0; row < outFeatures; row++) {
      for (let first = 0; first < inFeatures; first += group) {
        const scale = scaleOf(plane, row, first);
        const at = row * inFeatures;
        for (let k = first; k < Math.min(first + group, inFeatures); k++) sum[at + k] += plane.trits[at + k] * scale;
      }
    }
  }
  return sum;
}

function zerosIn(trits: Int8Array): number {
  let zeros = 0;
  for (let i = 0; i < trits.length; i++) zeros += +(trits[i] === 0);
  return zeros;
}

function relative(squaredError: number, squaredSize: number): number {
  return squaredError === 0 ? 0 : Math.sqrt(squaredError / squaredSize);
}

function checkLength(what: string, actual: number, expected: number): void {
  if (actual !== expected) throw new ShapeError(`${what} must hold ${expected} values, got ${actual}`);
}
