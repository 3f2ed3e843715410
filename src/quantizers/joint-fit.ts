/**
 * Scales of ternary planes that fit a row all together.
 *
 * From each of several starts alternate until the squared error no longer falls:
 *   levels:  each weight to the nearest of the 3^k levels Σ ±scale_i;
 *   scales:  least squares for these trits, the k normal equations Σ_j (trit_i · trit_j) scale_j = trit_i · w.
 * Neither step raises the error, and both ask for no single weight: with magnitudes sorted, the weights of a level are a
 * stretch between two of them, and its count and sum come from prefix sums. Signs do not matter: levels lie symmetrically.
 *
 * Starts: scales in a geometric row, of ratio 3 (a uniform grid of 3^k levels) and of smaller ratios (levels that crowd
 * around zero, as trained weights do), each at the range that leaves the least error.
 *
 * Xu et al., "Alternating Multi-bit Quantization for Recurrent Neural Networks", 2018, arXiv:1802.00150, with trits in place
 * of bits; Lloyd, "Least squares quantization in PCM", 1982, for what alternates.
 */
import { MIN_SCALE_MAGNITUDE } from "../core/ternary-matrix.ts";
import { levelTrits } from "./plane-levels.ts";

const RATIOS = [3, 1.9, 1.7, 1.5];
/** Ranges that are tried for each ratio: the largest magnitude, and down from there in steps of 2^(1/4). */
const RANGES = 16;
const RANGE_STEP = 2 ** (-1 / 4);
const MAX_ROUNDS = 100;
/** A round that lowers the error by less than this part of it is the last. */
const LEAST_GAIN = 1e-5;
/** A plane is a combination of the others where elimination leaves this part of its trits. */
const DEPENDENT = 1e-10;
/** Rounding to float32 moves a level by 2⁻²⁴ of itself; errors that differ by more than these parts stay in their order. */
const CLEAR_GAIN = 2 ** -8;
const CLEAR_ERROR = 2 ** -24;

/** Scales with the squared error that they leave. */
interface Fit {
  readonly scales: Float64Array;
  readonly error: number;
}

/** The scales found for a row. */
export interface FittedScales {
  /** One per plane, none negative. */
  readonly scales: Float32Array;
  /** Whether they are better than those to start from however float32 rounds them. */
  readonly isClearGain: boolean;
}

/** Fits one row after the other, in the same working space. */
export class JointFit {
  private readonly planes: number;
  /** One of each two levels that differ in sign, `[levels, planes]`. */
  private readonly trits: Int8Array;
  private readonly reals: Float64Array;
  /** Levels by magnitude, as the last call left them: almost sorted for the next. */
  private readonly order: Uint8Array;
  /** Normal equations with their right side, `[planes, planes + 1]`. */
  private readonly equations: Float64Array;
  private sorted: Float32Array = new Float32Array(0);
  private readonly sums: Float64Array;
  private sumOfSquares = 0;

  constructor(planes: number, capacity: number) {
    const half = levelTrits(planes).filter((level) => (level.find((trit) => trit !== 0) ?? 1) > 0);
    this.planes = planes;
    this.trits = Int8Array.from(half.flat());
    this.reals = new Float64Array(half.length);
    this.order = Uint8Array.from(half.keys());
    this.equations = new Float64Array(planes * (planes + 1));
    this.sums = new Float64Array(capacity + 1);
  }

  /**
   * The best scales found.
   *
   * @param sorted magnitudes of the row, ascending
   * @param start scales to start from beside those of this rule
   */
  fit(sorted: Float32Array, start: Float32Array): FittedScales {
    this.load(sorted);
    const given = Float64Array.from(start, Math.abs);
    const givenError = this.assign(given);
    let best = this.descend(given);
    for (const ratio of RATIOS) {
      const found = this.descend(this.bestRange(ratio));
      if (found.error < best.error) best = found;
    }
    return {
      scales: Float32Array.from(best.scales, (scale) => (scale < MIN_SCALE_MAGNITUDE ? 0 : scale)),
      isClearGain: givenError - best.error > CLEAR_GAIN * givenError + CLEAR_ERROR * this.sumOfSquares,
    };
  }

  private load(sorted: Float32Array): void {
    this.sorted = sorted;
    this.sumOfSquares = 0;
    for (let i = 0; i < sorted.length; i++) {
      this.sums[i + 1] = this.sums[i] + sorted[i];
      this.sumOfSquares += sorted[i] * sorted[i];
    }
  }

  /** Scales of a ratio whose sum is the best of the ranges. */
  private bestRange(ratio: number): Float64Array {
    const shares = Float64Array.from({ length: this.planes }, (_, i) => ratio ** -i);
    const total = shares.reduce((sum, share) => sum + share);
    let best: Fit = { scales: shares, error: Number.POSITIVE_INFINITY };
    for (let i = 0, range = this.sorted[this.sorted.length - 1]; i < RANGES; i++, range *= RANGE_STEP) {
      const scales = shares.map((share) => (share / total) * range);
      const error = this.assign(scales);
      if (error < best.error) best = { scales, error };
    }
    return best.scales;
  }

  private descend(start: Float64Array): Fit {
    let best: Fit = { scales: start, error: this.assign(start) };
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const scales = this.solve();
      const error = this.assign(scales);
      if (!(error < best.error)) break;
      const isLast = best.error - error < LEAST_GAIN * best.error;
      best = { scales, error };
      if (isLast) break;
    }
    return best;
  }

  /** Sends each magnitude to its nearest level; leaves the normal equations behind and returns the squared error. */
  private assign(scales: Float64Array): number {
    this.sortLevels(scales);
    const { planes, trits, reals, order, equations, sorted, sums } = this;
    equations.fill(0);
    let error = this.sumOfSquares;
    for (let i = 0, begin = 0; i < order.length && begin < sorted.length; i++) {
      const level = order[i];
      const real = Math.abs(reals[level]);
      const isLast = i + 1 === order.length;
      const end = isLast ? sorted.length : this.firstBeyond((real + Math.abs(reals[order[i + 1]])) / 2, begin);
      const count = end - begin;
      const magnitudes = sums[end] - sums[begin];
      const sum = reals[level] < 0 ? -magnitudes : magnitudes; // below zero stands the mirror image of the level
      error += real * (count * real - 2 * magnitudes);
      for (let row = 0; row < planes; row++) {
        const trit = trits[level * planes + row];
        if (trit === 0) continue;
        const at = row * (planes + 1);
        for (let column = 0; column < planes; column++) {
          equations[at + column] += count * trit * trits[level * planes + column];
        }
        equations[at + planes] += sum * trit;
      }
      begin = end;
    }
    return Math.max(error, 0);
  }

  /** By insertion: from one round to the next few levels change places. Equal ones by index, whatever came before. */
  private sortLevels(scales: Float64Array): void {
    const { planes, trits, reals, order } = this;
    for (let level = 0; level < reals.length; level++) {
      let real = 0;
      for (let i = 0; i < planes; i++) real += trits[level * planes + i] * scales[i];
      reals[level] = real;
    }
    for (let i = 1; i < order.length; i++) {
      const level = order[i];
      const magnitude = Math.abs(reals[level]);
      let to = i;
      for (; to > 0; to--) {
        const before = order[to - 1];
        const difference = Math.abs(reals[before]) - magnitude;
        if (difference < 0 || (difference === 0 && before < level)) break;
        order[to] = before;
      }
      order[to] = level;
    }
  }

  /** Index of the first magnitude beyond a limit, from `begin` on. */
  private firstBeyond(limit: number, begin: number): number {
    const { sorted } = this;
    let low = begin;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle] <= limit) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * Least squares for the trits of the last `assign`, by elimination without pivoting: the matrix is positive semidefinite.
   * A plane that is a combination of the ones before gets the scale 0, which leaves the least error in reach; signs are
   * dropped, because the trits are chosen anew.
   */
  private solve(): Float64Array {
    const { planes, equations } = this;
    const width = planes + 1;
    const pivots = new Float64Array(planes);
    for (let i = 0; i < planes; i++) pivots[i] = equations[i * width + i];
    const isFree = (i: number): boolean => !(equations[i * width + i] > DEPENDENT * pivots[i]);
    for (let i = 0; i < planes; i++) {
      if (isFree(i)) continue;
      for (let below = i + 1; below < planes; below++) {
        const factor = equations[below * width + i] / equations[i * width + i];
        for (let j = i; j <= planes; j++) equations[below * width + j] -= factor * equations[i * width + j];
      }
    }
    const scales = new Float64Array(planes);
    for (let i = planes - 1; i >= 0; i--) {
      if (isFree(i)) continue;
      let rest = equations[i * width + planes];
      for (let j = i + 1; j < planes; j++) rest -= equations[i * width + j] * scales[j];
      scales[i] = rest / equations[i * width + i];
    }
    return scales.map(Math.abs);
  }
}
