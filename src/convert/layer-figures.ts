/** What is measured of a layer while its planes are made: plain sums, so that layers add up and a journal can keep them. */
import type { TernaryMatrix } from "../core/ternary-matrix.ts";
import { WeightMeasures, type WeightSums } from "./measures.ts";

/** How many trits are -1, 0 and +1. */
export type TritCounts = readonly [negative: number, zero: number, positive: number];

/** What calibration inputs tell of a layer. */
export interface OutputFigures {
  /** ‖(W - Ŵ)X‖ / ‖WX‖ of the planes that were chosen. */
  readonly error: number;
  /** The same of those that the weights alone would have given. */
  readonly dataFreeError: number;
}

/** What is known of a layer whose planes are made. */
export interface LayerFigures {
  readonly weights: number;
  /** Over all planes. */
  readonly trits: TritCounts;
  /** Against the floats it was made of; absent where it was ternary before. */
  readonly fit?: WeightSums;
  /** Absent without calibration inputs. */
  readonly output?: OutputFigures;
}

/** Share of zeros among trits; undefined where there are none. */
export function sparsityOf([negative, zero, positive]: TritCounts): number | undefined {
  const all = negative + zero + positive;
  return all === 0 ? undefined : zero / all;
}

/** Counts of several layers. */
export function addTrits(counts: readonly TritCounts[]): TritCounts {
  return counts.reduce((a, b) => [a[0] + b[0], a[1] + b[1], a[2] + b[2]], [0, 0, 0]);
}

/** Measures of several layers; undefined where none was fitted. */
export function measuresOf(figures: readonly LayerFigures[]): WeightMeasures | undefined {
  const sums = figures.flatMap(({ fit }) => (fit === undefined ? [] : [fit]));
  if (sums.length === 0) return undefined;
  const measures = new WeightMeasures();
  for (const one of sums) measures.addSums(one);
  return measures;
}

/** Gathers the figures of a layer, block by block. */
export class FigureCounter {
  readonly #trits: [number, number, number] = [0, 0, 0];
  #weights = 0;
  #measures: WeightMeasures | undefined;

  /** Counts a block of rows of all planes, and measures it against the floats it was made of, where there are any. */
  add(planes: readonly TernaryMatrix[], floats?: Float32Array): void {
    this.#weights += planes[0].trits.length;
    for (const { trits } of planes) {
      for (let i = 0; i < trits.length; i++) this.#trits[trits[i] + 1]++;
    }
    if (floats === undefined) return;
    this.#measures ??= new WeightMeasures();
    this.#measures.add(floats, planes);
  }

  /** What was gathered. */
  figures(output?: OutputFigures): LayerFigures {
    return {
      ...{ weights: this.#weights, trits: this.#trits },
      ...(this.#measures && { fit: this.#measures.sums }),
      ...(output && { output }),
    };
  }
}
