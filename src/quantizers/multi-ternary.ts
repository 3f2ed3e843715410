/**
 * Weights as a sum of ternary planes, W ≈ Σ trit_i · scale_i, so that k planes give up to 3^k levels.
 *
 * Greedy: each plane quantizes what the planes before it left over, residual_i+1 = f32(residual_i - f32(trit_i · scale_i)).
 *
 * Joint: per row, from the greedy planes on, alternate until nothing improves:
 *   scales: least squares for the trits there are, the k normal equations Σ_j (trit_i · trit_j) scale_j = trit_i · w;
 *   trits:  each weight to the nearest of the 3^k levels Σ ±scale_i.
 * Neither step raises the squared error, but for the rounding of scales and levels to float32; a round that does not lower
 * it is dropped, so the result is never worse than greedy.
 *
 * Xu et al., "Alternating Multi-bit Quantization for Recurrent Neural Networks", 2018, arXiv:1802.00150, with trits in
 * place of bits.
 */
import { UnsupportedError } from "../core/errors.ts";
import { checkSize } from "../core/shape.ts";
import { type MatrixShape, MIN_SCALE_MAGNITUDE, scaleOfRow, type TernaryMatrix } from "../core/ternary-matrix.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { createQuantizer, quantizers } from "./index.ts";
import type { Quantizer, QuantizerOptions } from "./quantizer.ts";

/** How planes are found. */
export type PlaneFit = "greedy" | "joint";

/** Options of `decompose`. */
export interface DecomposeOptions {
  /** Number of planes, at least 1; at most 4 for the joint fit. */
  planes: number;
  /** Weight rule of each plane by name; `optimal` by default. */
  quantizer?: string;
  /** Options of the weight rule. */
  quantizerOptions?: QuantizerOptions;
  /** `greedy` by default. */
  fit?: PlaneFit;
}

/** One plane during training; neither passes a gradient. */
export interface TracedPlane {
  /** -1, 0 or +1, `[N, K]`. */
  readonly trits: Tensor;
  /** `[1, 1]` or `[N, 1]`. */
  readonly scales: Tensor;
}

const MAX_JOINT_PLANES = 4;
const MAX_ROUNDS = 30;

/**
 * Decomposes weights into ternary planes that add up to them.
 *
 * @param weights row-major `[outFeatures, inFeatures]`, finite
 * @throws ShapeError for weights or a number of planes that are not allowed, UnsupportedError for an unknown quantizer or
 *   one that learns its scale
 */
export function decompose(weights: Float32Array, shape: MatrixShape, options: DecomposeOptions): TernaryMatrix[] {
  const { planes, fit = "greedy" } = options;
  checkPlanes(planes, fit);
  const { outFeatures, inFeatures } = shape;
  const greedy = decomposeGreedily(weights, { outFeatures, inFeatures }, planeQuantizer(options), planes);
  return fit === "greedy" ? greedy : fitJointly(weights, greedy);
}

/** The weights that planes add up to, summed in their order, `[outFeatures, inFeatures]`. */
export function sumPlanes(planes: readonly TernaryMatrix[]): Float32Array {
  const [{ outFeatures, inFeatures }] = planes;
  const sum = new Float32Array(outFeatures * inFeatures);
  for (const plane of planes) {
    for (let i = 0; i < sum.length; i++) sum[i] += plane.trits[i] * scaleOfRow(plane, Math.floor(i / inFeatures));
  }
  return sum;
}

/**
 * The quantizer of planes.
 *
 * @throws UnsupportedError for an unknown one, or one that learns its scale: a residual has no scale to start from
 */
export function planeQuantizer({
  quantizer = "optimal",
  quantizerOptions,
}: Omit<DecomposeOptions, "planes">): Quantizer {
  const chosen = createQuantizer(quantizer, quantizerOptions);
  if (!chosen.initialScale) return chosen;
  const others = quantizers
    .filter(({ id, defaults }) => !createQuantizer(id, defaults).initialScale)
    .map(({ id }) => id);
  throw new UnsupportedError(
    `quantizer ${chosen.id} learns its scale and cannot make planes; choose one of: ${others.join(", ")}`,
  );
}

/** @throws ShapeError for a number of planes that is not allowed, UnsupportedError for an unknown fit */
export function checkPlanes(planes: number, fit: PlaneFit): void {
  if (fit !== "greedy" && fit !== "joint") {
    throw new UnsupportedError(`there is no fit ${JSON.stringify(fit)}; choose one of: greedy, joint`);
  }
  checkSize("planes", planes);
  if (fit === "joint" && planes > MAX_JOINT_PLANES) {
    throw new UnsupportedError(
      `the joint fit takes at most ${MAX_JOINT_PLANES} planes, got ${planes}; use fit: "greedy"`,
    );
  }
}

/** The greedy planes on the training engine. */
export function traceGreedyPlanes(weight: Tensor, quantizer: Quantizer, planes: number): TracedPlane[] {
  const traced: TracedPlane[] = [];
  for (let residual = weight.stopGradient(); traced.length < planes; ) {
    const { trits, scales } = quantizer.trace(residual);
    traced.push({ trits, scales });
    residual = residual.sub(trits.mul(scales));
  }
  return traced;
}

/** Each weight at the nearest level of given scales, on the training engine; `scales` is `[planes, N]`. */
export function traceNearestPlanes(weight: Tensor, scales: Tensor): TracedPlane[] {
  const [planes, rows] = scales.shape;
  const value = weight.stopGradient();
  const scaleOf = Array.from({ length: planes }, (_, i) =>
    scales
      .stopGradient()
      .slice(0, i, i + 1)
      .reshape([rows, 1]),
  );
  const [first, ...others] = levelTrits(planes);
  let distance = value.abs();
  let trits = first.map((trit) => value.constant(trit));
  for (const level of others) {
    const real = level.map((trit, i) => scaleOf[i].mul(trit)).reduce((sum, term) => sum.add(term));
    const candidate = value.sub(real).abs();
    const isNearer = candidate.less(distance);
    distance = distance.minimum(candidate);
    trits = trits.map((trit, i) => isNearer.where(level[i], trit));
  }
  return trits.map((values, i) => ({ trits: values, scales: scaleOf[i] }));
}

/** The trits of all 3^k levels: zero first, so that the sparser of two equally near levels wins. */
function levelTrits(planes: number): number[][] {
  const levels = Array.from({ length: 3 ** planes }, (_, level) =>
    Array.from({ length: planes }, (_, i) => (Math.floor(level / 3 ** i) % 3) - 1),
  );
  const magnitude = (level: readonly number[]): number => level.reduce((sum, trit) => sum + Math.abs(trit), 0);
  return levels.sort((a, b) => magnitude(a) - magnitude(b));
}

function decomposeGreedily(
  weights: Float32Array,
  shape: MatrixShape,
  quantizer: Quantizer,
  planes: number,
): TernaryMatrix[] {
  const found: TernaryMatrix[] = [];
  for (let residual = weights; found.length < planes; ) {
    const plane = quantizer.quantize(residual, shape);
    found.push(plane);
    residual = residual.map((weight, i) => {
      return weight - Math.fround(plane.trits[i] * scaleOfRow(plane, Math.floor(i / shape.inFeatures)));
    });
  }
  return found;
}

/** Planes with one scale per row, each row fitted for itself. */
function fitJointly(weights: Float32Array, greedy: readonly TernaryMatrix[]): TernaryMatrix[] {
  const [{ outFeatures, inFeatures }] = greedy;
  const fitted = greedy.map(
    (plane): TernaryMatrix => ({
      outFeatures,
      inFeatures,
      trits: plane.trits.slice(),
      scales: Float32Array.from({ length: outFeatures }, (_, row) => scaleOfRow(plane, row)),
    }),
  );
  const levels = levelTrits(greedy.length);
  for (let row = 0; row < outFeatures; row++) {
    const at = row * inFeatures;
    const start: Row = {
      trits: fitted.map(({ trits }) => trits.slice(at, at + inFeatures)),
      scales: Float32Array.from(fitted, ({ scales }) => scales[row]),
    };
    const best = fitRow(weights.subarray(at, at + inFeatures), start, levels);
    fitted.forEach((plane, i) => {
      plane.trits.set(best.trits[i], at);
      plane.scales[row] = best.scales[i];
    });
  }
  return fitted;
}

/** One row of all planes. */
interface Row {
  readonly trits: readonly Int8Array[];
  readonly scales: Float32Array;
}

function fitRow(weights: Float32Array, start: Row, levels: readonly number[][]): Row {
  let best = nearestLevels(weights, start.scales, levels);
  let bestError = squaredError(weights, best);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const next = nearestLevels(weights, leastSquaresScales(weights, best), levels);
    const error = squaredError(weights, next);
    if (!(error < bestError)) break; // also where scales, and with them the error, are no numbers
    best = next;
    bestError = error;
  }
  return best;
}

function squaredError(weights: Float32Array, { trits, scales }: Row): number {
  let sum = 0;
  for (let k = 0; k < weights.length; k++) {
    let rest = weights[k];
    for (let i = 0; i < scales.length; i++) rest -= trits[i][k] * scales[i];
    sum += rest * rest;
  }
  return sum;
}

/** Each weight to its nearest level, computed in float32 exactly as `traceNearestPlanes` does. */
function nearestLevels(weights: Float32Array, scales: Float32Array, levels: readonly number[][]): Row {
  const reals = Float32Array.from(levels, (level) =>
    level.reduce((sum, trit, i) => Math.fround(sum + trit * scales[i]), 0),
  );
  const trits = Array.from(scales, () => new Int8Array(weights.length));
  for (let k = 0; k < weights.length; k++) {
    let nearest = 0;
    let distance = Math.abs(weights[k]);
    for (let level = 1; level < reals.length; level++) {
      const candidate = Math.abs(Math.fround(weights[k] - reals[level]));
      if (candidate >= distance) continue;
      nearest = level;
      distance = candidate;
    }
    for (let i = 0; i < trits.length; i++) trits[i][k] = levels[nearest][i];
  }
  return { trits, scales };
}

/**
 * Best scales for the trits there are, rounded to float32; signs are dropped, because the trits are chosen anew. Where one
 * plane is a combination of the others there is no single best, and the scales are no numbers.
 */
function leastSquaresScales(weights: Float32Array, { trits }: Row): Float32Array {
  const count = trits.length;
  // The normal equations with their right side, eliminated without pivoting: the matrix is positive semidefinite.
  const rows = trits.map((plane) => [...trits.map((other) => dot(plane, other)), dot(plane, weights)]);
  for (let i = 0; i < count; i++) {
    for (let below = i + 1; below < count; below++) {
      const factor = rows[below][i] / rows[i][i];
      for (let j = i; j <= count; j++) rows[below][j] -= factor * rows[i][j];
    }
  }
  const scales = new Array<number>(count);
  for (let i = count - 1; i >= 0; i--) {
    let rest = rows[i][count];
    for (let j = i + 1; j < count; j++) rest -= rows[i][j] * scales[j];
    scales[i] = rest / rows[i][i];
  }
  return Float32Array.from(scales, (scale) => (Math.abs(scale) < MIN_SCALE_MAGNITUDE ? 0 : Math.abs(scale)));
}

function dot(a: Int8Array, b: ArrayLike<number>): number {
  let sum = 0; // float64
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
  return sum;
}
