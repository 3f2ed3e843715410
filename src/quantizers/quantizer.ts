/** How float weights become trits and scales: the contract of every quantizer. */
import type { ActivationRuleId } from "../activation-rules/activation-rule.ts";
import { ShapeError, UnsupportedError } from "../core/errors.ts";
import type { Granularity, MatrixShape, TernaryMatrix } from "../core/ternary-matrix.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Options of quantizers; each scheme takes those that its `defaults` name. */
export interface QuantizerOptions {
  /** Whether the scale belongs to the tensor or to each output row. */
  granularity?: Granularity;
  /** Floor that keeps a scale (or the magnitude it is made from) away from zero. */
  eps?: number;
  /** `twn`: threshold as a multiple of mean|W|. */
  deltaFactor?: number;
  /** `bittorch`: threshold as a multiple of the scale. */
  thresholdFactor?: number;
  /** `threshold`: weights beyond ±threshold become ±1. */
  threshold?: number;
  /** `threshold`: weights beyond ±clip get no gradient. */
  clip?: number;
}

/** Trits and scales of a weight during training, with the gradient of the rule. */
export interface TracedTernary {
  /** -1, 0 or +1, `[N, K]`; no gradient. */
  readonly trits: Tensor;
  /** `[1, 1]` or `[N, 1]`; no gradient. */
  readonly scales: Tensor;
  /** `[N, K]`: zero in value; its gradient is that of the effective weight trit · scale, in the weight and a learned scale. */
  readonly surrogate: Tensor;
}

/** A quantizer with its options chosen. */
export interface Quantizer {
  readonly id: string;
  readonly options: Readonly<Required<Pick<QuantizerOptions, "granularity">> & QuantizerOptions>;
  /**
   * The rule on the host.
   *
   * @param weights row-major `[outFeatures, inFeatures]`, finite
   * @param learnedScale for quantizers with `initialScale`: the scale that training learned; without it the initial one
   * @throws ShapeError when `weights` does not hold the shape, or holds a value that is not finite
   */
  quantize(weights: Float32Array, shape: MatrixShape, learnedScale?: Float32Array): TernaryMatrix;
  /** First value of the learned scale, `[1]` or `[outFeatures]`; absent where the scale is computed from the weights. */
  initialScale?(weights: Float32Array, shape: MatrixShape): Float32Array;
  /** The same rule on the training engine. `weight` is `[N, K]`, `learnedScale` `[1, 1]` or `[N, 1]`. */
  trace(weight: Tensor, learnedScale?: Tensor): TracedTernary;
}

/** A quantizer of the list, before its options are chosen. */
export interface QuantizerScheme {
  readonly id: string;
  /** One line for help texts and tables. */
  readonly summary: string;
  /** Every option the scheme takes, with its default. */
  readonly defaults: Readonly<Required<Pick<QuantizerOptions, "granularity">> & QuantizerOptions>;
  /** Granularities the scheme allows. */
  readonly granularities: readonly Granularity[];
  /** The activation rule that its paper pairs it with. */
  readonly activation: ActivationRuleId;
  /** @param options complete and checked, see `createQuantizer` */
  create(options: Readonly<Required<QuantizerOptions>>): Omit<Quantizer, "id" | "options">;
}

/**
 * Fills in and checks options.
 *
 * @throws UnsupportedError for an option or a granularity the scheme does not have, or a value outside its range
 */
export function completeOptions(scheme: QuantizerScheme, options: QuantizerOptions): Quantizer["options"] {
  const known = Object.keys(scheme.defaults);
  for (const [name, value] of Object.entries(options)) {
    if (!known.includes(name)) {
      throw new UnsupportedError(
        `quantizer ${scheme.id} has no option ${JSON.stringify(name)}; it takes: ${known.join(", ")}`,
      );
    }
    if (name !== "granularity" && value !== undefined && !(Number.isFinite(value) && (value as number) >= 0)) {
      throw new UnsupportedError(
        `option ${name} of quantizer ${scheme.id} must be a number of at least 0, got ${value}`,
      );
    }
  }
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const complete = { ...scheme.defaults, ...given };
  if (!scheme.granularities.includes(complete.granularity)) {
    throw new UnsupportedError(
      `quantizer ${scheme.id} has no granularity ${JSON.stringify(complete.granularity)}; choose one of: ${scheme.granularities.join(", ")}`,
    );
  }
  return complete;
}

/**
 * Checks weights at the public edge.
 *
 * @throws ShapeError when the count is wrong or a weight is not finite
 */
export function checkWeights(weights: Float32Array, { outFeatures, inFeatures }: MatrixShape): void {
  const count = outFeatures * inFeatures;
  if (weights.length !== count) {
    throw new ShapeError(`weights must hold ${outFeatures} x ${inFeatures} = ${count} values, got ${weights.length}`);
  }
  const wrong = weights.findIndex((weight) => !Number.isFinite(weight));
  if (wrong >= 0) throw new ShapeError(`weights must be finite, got ${weights[wrong]} at index ${wrong}`);
}

/** The slices of a matrix that share a scale: the whole of it, or its rows. */
export function scaleGroups(
  weights: Float32Array,
  { inFeatures }: MatrixShape,
  granularity: Granularity,
): Float32Array[] {
  if (granularity === "per-tensor") return [weights];
  return Array.from({ length: weights.length / inFeatures }, (_, row) =>
    weights.subarray(row * inFeatures, (row + 1) * inFeatures),
  );
}

/** Sum over what shares a scale, in the order of the numeric contract: `[N, K]` → `[1, 1]` or `[N, 1]`. */
export function groupSum(values: Tensor, granularity: Granularity): Tensor {
  const rows = values.laneSum();
  return granularity === "per-channel" ? rows : rows.reshape([1, -1]).laneSum();
}

/** Number of weights that share a scale. */
export function groupSize(weight: Tensor, granularity: Granularity): number {
  const [outFeatures, inFeatures] = weight.shape;
  return granularity === "per-channel" ? inFeatures : outFeatures * inFeatures;
}
