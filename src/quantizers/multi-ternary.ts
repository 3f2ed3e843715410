/**
 * Weights as a sum of ternary planes, W ≈ Σ trit_i · scale_i, so that k planes give up to 3^k levels.
 *
 * Greedy: each plane quantizes what the planes before it left over, residual_i+1 = f32(residual_i - f32(trit_i · scale_i)).
 *
 * Joint: one scale per row and plane, fitted all together (see `JointFit`), then each weight at the nearest of the 3^k levels
 * Σ ±scale_i. The scales of the greedy planes are among those that are tried, so the result is never worse than greedy.
 */
import { UnsupportedError } from "../core/errors.ts";
import { checkSize } from "../core/shape.ts";
import { type MatrixShape, scaleOfRow, type TernaryMatrix } from "../core/ternary-matrix.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { createQuantizer, quantizers } from "./index.ts";
import { JointFit } from "./joint-fit.ts";
import { levelTrits, NearestLevels } from "./plane-levels.ts";
import type { Quantizer, QuantizerOptions } from "./quantizer.ts";
import { MagnitudeSorter } from "./sorted-magnitudes.ts";

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

function decomposeGreedily(
  weights: Float32Array,
  shape: MatrixShape,
  quantizer: Quantizer,
  planes: number,
): TernaryMatrix[] {
  const found: TernaryMatrix[] = [];
  for (let residual = weights; ; ) {
    const plane = quantizer.quantize(residual, shape);
    found.push(plane);
    if (found.length === planes) return found;
    residual = subtractPlane(residual, plane);
  }
}

/** residual - trit · scale, each product and each difference rounded to float32. */
function subtractPlane(residual: Float32Array, plane: TernaryMatrix): Float32Array {
  const { outFeatures, inFeatures, trits } = plane;
  const rest = new Float32Array(residual.length);
  for (let row = 0, i = 0; row < outFeatures; row++) {
    const scale = scaleOfRow(plane, row);
    for (const end = i + inFeatures; i < end; i++) rest[i] = residual[i] - trits[i] * scale;
  }
  return rest;
}

/** Planes with one scale per row, each row fitted for itself. */
function fitJointly(weights: Float32Array, greedy: readonly TernaryMatrix[]): TernaryMatrix[] {
  const [{ outFeatures, inFeatures }] = greedy;
  const fitted = greedy.map((plane): TernaryMatrix => ({ ...plane, scales: new Float32Array(outFeatures) }));
  const sorter = new MagnitudeSorter(inFeatures);
  const joint = new JointFit(greedy.length, inFeatures);
  const nearest = new NearestLevels(greedy.length);
  for (let row = 0; row < outFeatures; row++) {
    const at = row * inFeatures;
    const values = weights.subarray(at, at + inFeatures);
    const greedyScales = Float32Array.from(greedy, (plane) => scaleOfRow(plane, row));
    const { scales, isClearGain } = joint.fit(sorter.sort(values), greedyScales);
    let best = nearest.assign(values, scales);
    if (!isClearGain) {
      const fallback = nearest.assign(values, greedyScales);
      if (!(best.squaredError < fallback.squaredError)) {
        best = fallback;
        scales.set(greedyScales);
      }
    }
    nearest.writeTrits(best.levels, fitted, at);
    for (const [i, plane] of fitted.entries()) plane.scales[row] = scales[i];
  }
  return fitted;
}
