/** What is measured of a layer while its planes are made: sums, so that layers add up and a journal can keep them. */
import type { TernaryMatrix } from "../core/ternary-matrix.ts";
import { addedPlanes } from "./row-blocks.ts";

/** Sums over the weights of a layer, or of several. */
export interface FitSums {
  /** Σ w² */
  readonly squaredWeights: number;
  /** Σ ŵ² */
  readonly squaredFit: number;
  /** Σ w·ŵ */
  readonly product: number;
  /** Σ (w - ŵ)² */
  readonly squaredError: number;
}

/** What is known of a layer whose planes are made. */
export interface LayerFigures {
  readonly weights: number;
  /** How many trits of all planes are -1, 0 and +1. */
  readonly trits: readonly [number, number, number];
  /** Against the floats it was made of; absent where it was ternary before. */
  readonly fit?: FitSums;
  /** ‖(W - Ŵ)X‖ / ‖WX‖ on calibration inputs; absent without them. */
  readonly outputError?: number;
}

const NO_SUMS: FitSums = { squaredWeights: 0, squaredFit: 0, product: 0, squaredError: 0 };

/** Relative error ‖W - Ŵ‖ / ‖W‖; 0 for weights that are all 0 and stay so. */
export function relativeErrorOf({ squaredWeights, squaredError }: FitSums): number {
  return squaredError === 0 ? 0 : Math.sqrt(squaredError / squaredWeights);
}

/** Cosine of the angle between weights and what they became; 1 where both are 0. */
export function cosineOf({ squaredWeights, squaredFit, product }: FitSums): number {
  return squaredWeights === 0 && squaredFit === 0 ? 1 : product / Math.sqrt(squaredWeights * squaredFit);
}

/** Share of zeros among trits; undefined where there are none. */
export function sparsityOf([negative, zero, positive]: LayerFigures["trits"]): number | undefined {
  const all = negative + zero + positive;
  return all === 0 ? undefined : zero / all;
}

/** Sums of several layers. */
export function addSums(sums: readonly FitSums[]): FitSums {
  return sums.reduce(
    (a, b) => ({
      squaredWeights: a.squaredWeights + b.squaredWeights,
      squaredFit: a.squaredFit + b.squaredFit,
      product: a.product + b.product,
      squaredError: a.squaredError + b.squaredError,
    }),
    NO_SUMS,
  );
}

/** Counts of several layers. */
export function addTrits(counts: readonly LayerFigures["trits"][]): LayerFigures["trits"] {
  return counts.reduce<LayerFigures["trits"]>((a, b) => [a[0] + b[0], a[1] + b[1], a[2] + b[2]], [0, 0, 0]);
}

/** Gathers the figures of a layer, block by block. */
export class FigureCounter {
  #weights = 0;
  #sums: FitSums | undefined;
  readonly #trits: [number, number, number] = [0, 0, 0];

  /** Counts a block of rows of all planes, and measures it against the floats it was made of, where there are any. */
  add(planes: readonly TernaryMatrix[], floats?: Float32Array): void {
    this.#weights += planes[0].trits.length;
    for (const { trits } of planes) {
      for (let i = 0; i < trits.length; i++) this.#trits[trits[i] + 1]++;
    }
    if (floats) this.#sums = addSums([this.#sums ?? NO_SUMS, sumsOf(floats, addedPlanes(planes))]);
  }

  /** What was gathered. */
  figures(outputError?: number): LayerFigures {
    const fit = this.#sums;
    return {
      ...{ weights: this.#weights, trits: this.#trits },
      ...(fit && { fit }),
      ...(outputError !== undefined && { outputError }),
    };
  }
}

/** The sums of some weights and of what they became. */
export function sumsOf(weights: Float32Array, fitted: Float32Array): FitSums {
  let [squaredWeights, squaredFit, product, squaredError] = [0, 0, 0, 0]; // float64
  for (let i = 0; i < weights.length; i++) {
    const difference = weights[i] - fitted[i];
    squaredWeights += weights[i] * weights[i];
    squaredFit += fitted[i] * fitted[i];
    product += weights[i] * fitted[i];
    squaredError += difference * difference;
  }
  return { squaredWeights, squaredFit, product, squaredError };
}
