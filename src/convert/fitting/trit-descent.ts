/**
 * Betters the trits and scales of one row in turns until its output error no longer falls:
 *   scales:  least squares for the trits there are; for one plane s = tᵀHw / tᵀHt;
 *   trits:   one weight after the other to the level that leaves the least error while the others stay as they are, the one
 *            nearest to ŵ_j + (H(w - ŵ))_j / H_jj.
 *
 * Neither step raises the error. H t of each plane is carried along: a trit that changes costs one row of H, new scales
 * cost nothing.
 *
 * Behdin et al., "QuantEase: Optimization-based Quantization for Language Models", 2023, arXiv:2309.01885, for the descent
 * over single weights.
 */
import { MIN_SCALE_MAGNITUDE } from "../../core/ternary-matrix.ts";
import { solveNormalEquations } from "./normal-equations.ts";
import type { RowLevels } from "./row-levels.ts";

const MAX_ROUNDS = 20;
/** A round that lowers the error by less than this part of it is the last. */
const LEAST_GAIN = 1e-3;

/** One row of a layer under its metric. */
export interface FittedRow {
  /** Trits of each plane; changed in place. */
  readonly trits: readonly Int8Array[];
  /** H t of each plane; changed in place. */
  readonly products: readonly Float64Array[];
}

/** What does not change while a row is fitted. */
export interface RowTarget {
  /** H w. */
  readonly product: Float64Array;
  /** wᵀ H w. */
  readonly square: number;
  /** H, row-major. */
  readonly matrix: Float64Array;
}

/** Scales of the planes and the error wᵀHw - 2 wᵀHŵ + ŵᵀHŵ that they leave. */
export interface ScaledError {
  readonly scales: Float64Array;
  readonly error: number;
}

/** Fits a row; gives the scales for its trits. */
export function descend(row: FittedRow, target: RowTarget, levels: RowLevels): ScaledError {
  let best = fitScales(row, target);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    levels.use(best.scales);
    if (sweep(row, target, levels, best.scales) === 0) break;
    const next = fitScales(row, target);
    const isLast = !(best.error - next.error >= LEAST_GAIN * best.error);
    best = next;
    if (isLast) break;
  }
  return best;
}

/** Best scales for the trits there are, none negative: a plane turns its trits instead. Rounded as they are stored. */
export function fitScales({ trits, products }: FittedRow, { product, square }: RowTarget): ScaledError {
  const count = trits.length;
  const matrix = new Float64Array(count * count);
  const right = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    right[i] = tritDot(trits[i], product);
    for (let j = i; j < count; j++) {
      matrix[i * count + j] = tritDot(trits[i], products[j]);
      matrix[j * count + i] = matrix[i * count + j];
    }
  }
  const scales = solveNormalEquations(matrix, right).map(storedScale);
  let error = square;
  for (let i = 0; i < count; i++) {
    error -= 2 * scales[i] * right[i];
    for (let j = 0; j < count; j++) error += scales[i] * scales[j] * matrix[i * count + j];
  }
  for (let i = 0; i < count; i++) {
    if (scales[i] >= 0) continue;
    scales[i] = -scales[i];
    for (let k = 0; k < product.length; k++) {
      trits[i][k] = -trits[i][k];
      products[i][k] = -products[i][k];
    }
  }
  return { scales, error };
}

function storedScale(scale: number): number {
  return Math.abs(scale) < MIN_SCALE_MAGNITUDE ? 0 : Math.fround(scale);
}

/** Moves weights to better levels, those with the largest moments first; gives the number that moved. */
function sweep(row: FittedRow, target: RowTarget, levels: RowLevels, scales: Float64Array): number {
  const { trits, products } = row;
  const { matrix, product } = target;
  const size = product.length;
  const planes = trits.length;
  let moved = 0;
  for (let k = size - 1; k >= 0; k--) {
    let value = 0;
    let slope = product[k]; // of H(w - ŵ)
    for (let i = 0; i < planes; i++) {
      value += scales[i] * trits[i][k];
      slope -= scales[i] * products[i][k];
    }
    const wanted = value + slope / matrix[k * size + k];
    const place = levels.nearest(wanted);
    if (!(Math.abs(wanted - levels.values[place]) < Math.abs(wanted - value))) continue;
    moved++;
    for (let i = 0; i < planes; i++) {
      const change = levels.trits[place * planes + i] - trits[i][k];
      if (change === 0) continue;
      trits[i][k] += change;
      addRow(products[i], matrix, k * size, change);
    }
  }
  return moved;
}

function addRow(sum: Float64Array, matrix: Float64Array, at: number, factor: number): void {
  for (let j = 0; j < sum.length; j++) sum[j] += factor * matrix[at + j];
}

function tritDot(trits: Int8Array, values: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < trits.length; k++) sum += trits[k] * values[k];
  return sum;
}
