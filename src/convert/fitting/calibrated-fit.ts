/**
 * Trits and scales per row that leave the least error in the outputs of a layer, block of rows by block of rows:
 *
 * 1. scales: least squares in outputs for the trits of the data-free fit, times a factor that is searched for on some rows;
 * 2. trits: each weight to a level with error feedback (see error-feedback.ts);
 * 3. trits and scales in turns (see trit-descent.ts).
 *
 * A row that the data-free fit serves better on these inputs, without damping, keeps it.
 */
import { type MatrixShape, scaleOfRow, type TernaryMatrix } from "../../core/ternary-matrix.ts";
import { type RoundedRows, roundWithFeedback } from "./error-feedback.ts";
import { solveNormalEquations } from "./normal-equations.ts";
import type { OutputMetric } from "./output-metric.ts";
import { RowLevels } from "./row-levels.ts";
import { dot } from "./row-products.ts";
import { descend, type FittedRow, type RowTarget } from "./trit-descent.ts";

/** Rows that are fitted together: their products share what they read. */
const ROWS = 48;
/** Rows on which factors are tried. */
const SAMPLED_ROWS = 15;
/** Factors of the first scales that are tried: with feedback, wider levels than those of least squares may serve better. */
const FACTORS = [0.9, 1, 1.1, 1.2, 1.35];

/** What a fit leaves, as sums over rows, without damping. */
export interface OutputSums {
  /** ‖WX‖² */
  squaredOutputs: number;
  /** ‖(W - Ŵ)X‖² */
  squaredError: number;
  /** The same of the data-free fit. */
  dataFreeSquaredError: number;
  /** Rows that keep the data-free fit. */
  keptRows: number;
}

/** Rows of a layer, their inputs in the order of the metric. */
interface Block {
  readonly rows: readonly number[];
  /** `[rows, size]` */
  readonly weights: Float64Array;
  /** Lᵀ w, `[rows, size]`. */
  readonly outputs: Float64Array;
  /** Scales to start from, those of the planes for each row. */
  readonly start: readonly Float64Array[];
  /** Σ r² of the data-free fit of each row, with damping. */
  readonly dataFreeErrors: Float64Array;
}

/** Planes with a scale per row, and what they leave. */
export function fitToOutputs(
  weights: Float32Array,
  dataFree: readonly TernaryMatrix[],
  metric: OutputMetric,
): { planes: TernaryMatrix[]; sums: OutputSums } {
  const [{ outFeatures, inFeatures }] = dataFree;
  const shape: MatrixShape = { outFeatures, inFeatures };
  const planes = dataFree.map(
    (plane): TernaryMatrix => ({
      ...shape,
      trits: plane.trits.slice(),
      scales: Float32Array.from({ length: outFeatures }, (_, row) => scaleOfRow(plane, row)),
    }),
  );
  const sums: OutputSums = { squaredOutputs: 0, squaredError: 0, dataFreeSquaredError: 0, keptRows: 0 };
  const factor = bestFactor(readBlock(weights, dataFree, sampledRows(outFeatures), metric), dataFree.length, metric);
  for (let first = 0; first < outFeatures; first += ROWS) {
    const rows = Array.from({ length: Math.min(ROWS, outFeatures - first) }, (_, i) => first + i);
    const block = readBlock(weights, dataFree, rows, metric);
    fitBlock(block, roundBlock(block, dataFree.length, factor, metric), planes, metric, sums);
  }
  return { planes, sums };
}

/** Rows at equal distances. */
function sampledRows(outFeatures: number): number[] {
  const count = Math.min(SAMPLED_ROWS, outFeatures);
  return Array.from({ length: count }, (_, i) => Math.floor((i * outFeatures) / count));
}

function readBlock(
  weights: Float32Array,
  dataFree: readonly TernaryMatrix[],
  rows: readonly number[],
  metric: OutputMetric,
): Block {
  const { size, order } = metric;
  const ordered = (values: Float32Array | Int8Array): Float64Array => {
    const block = new Float64Array(rows.length * size);
    for (const [i, row] of rows.entries()) {
      for (let k = 0; k < size; k++) block[i * size + k] = values[row * size + order[k]];
    }
    return block;
  };
  const real = ordered(weights);
  const outputs = metric.toOutputs(real);
  const products = dataFree.map(({ trits }) => metric.toOutputs(ordered(trits)));
  const dataFreeErrors = new Float64Array(rows.length);
  const start = rows.map((row, i) => {
    const scales = dataFree.map((plane) => scaleOfRow(plane, row));
    for (let k = i * size; k < (i + 1) * size; k++) {
      let rest = outputs[k];
      for (const [plane, product] of products.entries()) rest -= scales[plane] * product[k];
      dataFreeErrors[i] += rest * rest;
    }
    return leastSquares(products, outputs, i * size, size);
  });
  return { rows, weights: real, outputs, start, dataFreeErrors };
}

/** The scales of products that come nearest to outputs, none negative: levels lie on both sides of 0 alike. */
function leastSquares(
  products: readonly Float64Array[],
  outputs: Float64Array,
  at: number,
  length: number,
): Float64Array {
  const matrix = products.flatMap((one) => products.map((other) => dot(one, at, other, at, length)));
  const right = products.map((product) => dot(product, at, outputs, at, length));
  return solveNormalEquations(Float64Array.from(matrix), Float64Array.from(right)).map(Math.abs);
}

/** The factor with the least error after feedback, each row's outputs brought to their best size. */
function bestFactor(block: Block, planes: number, metric: OutputMetric): number {
  let best = { factor: 1, error: Number.POSITIVE_INFINITY };
  for (const factor of FACTORS) {
    const { outputs } = roundBlock(block, planes, factor, metric).rounded;
    let error = 0;
    for (let row = 0; row < block.rows.length; row++) {
      const at = row * metric.size;
      const square = dot(outputs, at, outputs, at, metric.size);
      const product = dot(outputs, at, block.outputs, at, metric.size);
      error += dot(block.outputs, at, block.outputs, at, metric.size) - (square > 0 ? product ** 2 / square : 0);
    }
    if (error < best.error) best = { factor, error };
  }
  return best.factor;
}

/** Rows at levels, with what they were rounded to. */
interface RoundedBlock {
  readonly rounded: RoundedRows;
  readonly levels: readonly RowLevels[];
  readonly scales: readonly Float64Array[];
}

function roundBlock(block: Block, planes: number, factor: number, metric: OutputMetric): RoundedBlock {
  const scales = block.start.map((row) => row.map((scale) => scale * factor));
  const levels = scales.map((row) => {
    const own = new RowLevels(planes);
    own.use(row);
    return own;
  });
  return { rounded: roundWithFeedback(block.outputs, levels, metric), levels, scales };
}

function fitBlock(
  block: Block,
  { rounded, levels, scales }: RoundedBlock,
  planes: readonly TernaryMatrix[],
  metric: OutputMetric,
  sums: OutputSums,
): void {
  const { size, matrix, damping } = metric;
  const trits = planes.map((_, plane) => tritsOf(rounded.places, levels, plane, size));
  const products = trits.map((plane) => {
    // Of a single plane Lᵀ ŵ is known, and Lᵀ t with it.
    const outputs =
      planes.length === 1 ? divided(rounded.outputs, scales, size) : metric.toOutputs(Float64Array.from(plane));
    return metric.fromOutputs(outputs);
  });
  const targets = metric.fromOutputs(block.outputs);
  for (const [i, row] of block.rows.entries()) {
    const at = i * size;
    const end = at + size;
    const square = dot(block.outputs, at, block.outputs, at, size);
    const fitted: FittedRow = {
      trits: trits.map((plane) => plane.subarray(at, end)),
      products: products.map((plane) => plane.subarray(at, end)),
    };
    const target: RowTarget = { product: targets.subarray(at, end), square, matrix };
    const found = descend(fitted, target, levels[i]);
    const own = block.weights.subarray(at, end);
    const zero = new Float64Array(size);
    const dataFreeError = block.dataFreeErrors[i] - damping * squaredDistance(own, storedRow(planes, row, metric));
    const error = found.error - damping * squaredDistance(own, realRow(fitted.trits, found.scales));
    sums.squaredOutputs += square - damping * squaredDistance(own, zero);
    sums.dataFreeSquaredError += dataFreeError;
    if (error < dataFreeError) {
      sums.squaredError += error;
      storeRow(planes, row, fitted.trits, found.scales, metric);
    } else {
      sums.squaredError += dataFreeError;
      sums.keptRows++;
    }
  }
}

function tritsOf(places: Uint8Array, levels: readonly RowLevels[], plane: number, size: number): Int8Array {
  const trits = new Int8Array(places.length);
  for (const [row, { trits: table, planes }] of levels.entries()) {
    for (let k = row * size; k < (row + 1) * size; k++) trits[k] = table[places[k] * planes + plane];
  }
  return trits;
}

/** Each row by its scale; zeros where that is 0. */
function divided(rows: Float64Array, scales: readonly Float64Array[], size: number): Float64Array {
  const result = new Float64Array(rows.length);
  for (const [row, [scale]] of scales.entries()) {
    if (scale === 0) continue;
    for (let k = row * size; k < (row + 1) * size; k++) result[k] = rows[k] / scale;
  }
  return result;
}

function realRow(trits: readonly Int8Array[], scales: Float64Array): Float64Array {
  const row = new Float64Array(trits[0].length);
  for (const [i, plane] of trits.entries()) {
    for (let k = 0; k < row.length; k++) row[k] += scales[i] * plane[k];
  }
  return row;
}

/** A row of planes, with its inputs in the order of the metric. */
function storedRow(planes: readonly TernaryMatrix[], row: number, { order, size }: OutputMetric): Float64Array {
  const real = new Float64Array(size);
  for (const plane of planes) {
    const scale = scaleOfRow(plane, row);
    for (let k = 0; k < size; k++) real[k] += scale * plane.trits[row * size + order[k]];
  }
  return real;
}

function storeRow(
  planes: readonly TernaryMatrix[],
  row: number,
  trits: readonly Int8Array[],
  scales: Float64Array,
  { order, size }: OutputMetric,
): void {
  for (const [i, plane] of planes.entries()) {
    plane.scales[row] = scales[i];
    for (let k = 0; k < size; k++) plane.trits[row * size + order[k]] = scales[i] === 0 ? 0 : trits[i][k];
  }
}

function squaredDistance(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += (a[k] - b[k]) ** 2;
  return sum;
}
