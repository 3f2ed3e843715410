/** How float weights become trits and scales: the contract of every quantizer. */
import type { ActivationRuleId } from "../activation-rules/activation-rule.ts";
import { ShapeError, UnsupportedError } from "../core/errors.ts";
import { checkSize } from "../core/shape.ts";
import { type Granularity, type MatrixShape, MIN_SCALE_MAGNITUDE, type TernaryMatrix } from "../core/ternary-matrix.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * Largest magnitude of a weight, 2⁶⁴: sums of any number of weights that fit in memory stay finite in float32, so host and
 * traced rule cannot part there (numeric contract, "Edges").
 */
export const MAX_WEIGHT_MAGNITUDE: number = 2 ** 64;

/** Largest option, 2⁶³: times the largest scale, 2⁶⁴, it is finite in float32, so every threshold and scale is. */
const MAX_OPTION = 2 ** 63;

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
   * @param weights row-major `[outFeatures, inFeatures]`, at most 2⁶⁴ in magnitude
   * @param learnedScale for quantizers with `initialScale`: the scale that training learned; without it the initial one
   * @throws ShapeError when `weights` or `learnedScale` does not hold the shape, or holds a value that is not finite, or a
   *   weight beyond 2⁶⁴; UnsupportedError for a `learnedScale` that the quantizer has no use for
   */
  quantize(weights: Float32Array, shape: MatrixShape, learnedScale?: Float32Array): TernaryMatrix;
  /**
   * First value of the learned scale, `[1]` or `[outFeatures]`; absent where the scale is computed from the weights.
   *
   * @throws ShapeError as `quantize` does
   */
  initialScale?(weights: Float32Array, shape: MatrixShape): Float32Array;
  /** Least bound of initial weights, for thresholds that do not scale with them; absent where any range has its trits. */
  readonly initialBound?: number;
  /** No scale is smaller; 0 where scales may vanish. */
  readonly smallestScale: number;
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
  /** @param options complete and checked, see `chooseOptions` */
  create(options: Readonly<Required<QuantizerOptions>>): QuantizerRule;
}

/** What a scheme states: its rule for arguments that are already checked. */
export type QuantizerRule = Omit<Quantizer, "id" | "options" | "smallestScale"> & {
  /** A bound that the rule itself puts under its scales; without it tiny ones become 0. */
  readonly smallestScale?: number;
};

/**
 * A quantizer of a scheme: its rule, behind the checks and the smallest scale that all quantizers share.
 *
 * @throws UnsupportedError for an option or a granularity the scheme does not have, or a value outside its range
 */
export function chooseOptions(scheme: QuantizerScheme, options: QuantizerOptions): Quantizer {
  const complete = completeOptions(scheme, options);
  const rule = scheme.create(complete as Required<QuantizerOptions>);
  const { initialScale, initialBound } = rule;
  const smallestScale = isScale(rule.smallestScale) ? rule.smallestScale : 0;
  return {
    id: scheme.id,
    options: complete,
    smallestScale,
    ...(initialBound !== undefined && { initialBound }),

    quantize(weights, shape, learnedScale) {
      checkWeights(weights, shape);
      if (learnedScale)
        checkLearnedScale(learnedScale, shape, scheme, complete.granularity, initialScale !== undefined);
      return withoutTinyScales(rule.quantize(weights, shape, learnedScale));
    },

    ...(initialScale && {
      initialScale(weights: Float32Array, shape: MatrixShape): Float32Array {
        checkWeights(weights, shape);
        return initialScale(weights, shape);
      },
    }),

    trace(weight, learnedScale) {
      const traced = rule.trace(weight, learnedScale);
      if (smallestScale > 0) return traced;
      const { trits, scales, surrogate } = traced;
      const isTiny = (): Tensor => scales.less(MIN_SCALE_MAGNITUDE); // twice: the engine would compute a shared one apart
      return { trits: isTiny().where(0, trits), scales: isTiny().where(0, scales), surrogate };
    },
  };
}

/** Fills in and checks options. */
function completeOptions(scheme: QuantizerScheme, options: QuantizerOptions): Quantizer["options"] {
  const known = Object.keys(scheme.defaults);
  for (const [name, value] of Object.entries(options)) {
    if (!known.includes(name)) {
      throw new UnsupportedError(
        `quantizer ${scheme.id} has no option ${JSON.stringify(name)}; it takes: ${known.join(", ")}`,
      );
    }
    if (name !== "granularity" && value !== undefined && !isOptionValue(value)) {
      throw new UnsupportedError(
        `option ${name} of quantizer ${scheme.id} must be a number from 0 to 2^63, got ${value}`,
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

function isOptionValue(value: unknown): boolean {
  return typeof value === "number" && value >= 0 && value <= MAX_OPTION; // NaN compares false
}

function checkWeights(weights: Float32Array, { outFeatures, inFeatures }: MatrixShape): void {
  checkSize("outFeatures", outFeatures);
  checkSize("inFeatures", inFeatures);
  const count = outFeatures * inFeatures;
  if (weights.length !== count) {
    throw new ShapeError(`weights must hold ${outFeatures} x ${inFeatures} = ${count} values, got ${weights.length}`);
  }
  checkMagnitudes("weights", weights);
}

/**
 * Checks values that a rule is about to read.
 *
 * @throws ShapeError naming the first one that is not a number of at most 2⁶⁴ in magnitude
 */
export function checkMagnitudes(what: string, values: Float32Array): void {
  let wrong = 0; // by index: a callback for each of millions of weights takes longer than some rules do
  while (wrong < values.length && Math.abs(values[wrong]) <= MAX_WEIGHT_MAGNITUDE) wrong++; // NaN compares false
  if (wrong === values.length) return;
  throw new ShapeError(
    `${what} must be finite and at most 2^64 in magnitude, got ${values[wrong]} at index ${wrong}; rescale them, or look for what made them diverge`,
  );
}

/**
 * Checks a learned scale, which no rule sums.
 *
 * @throws ShapeError naming the first value that is not finite
 */
export function checkFinite(what: string, values: Float32Array): void {
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) throw new ShapeError(`${what} must be finite, got ${values[wrong]} at index ${wrong}`);
}

function checkLearnedScale(
  scale: Float32Array,
  { outFeatures }: MatrixShape,
  { id }: QuantizerScheme,
  granularity: Granularity,
  isLearned: boolean,
): void {
  if (!isLearned) {
    throw new UnsupportedError(`quantizer ${id} computes its scale from the weights; leave the learned scale out`);
  }
  const count = granularity === "per-tensor" ? 1 : outFeatures;
  if (scale.length !== count) {
    throw new ShapeError(`a learned scale ${granularity} must hold ${count} values, got ${scale.length}`);
  }
  checkFinite("a learned scale", scale);
}

function isScale(value: number | undefined): value is number {
  return value !== undefined && value >= MIN_SCALE_MAGNITUDE;
}

/** Scales are zero or at least 2⁻¹⁰⁰ (numeric contract, "Edges"): a smaller one becomes 0, with trits 0. */
function withoutTinyScales(matrix: TernaryMatrix): TernaryMatrix {
  const { trits, scales } = matrix;
  const groupLength = trits.length / scales.length;
  scales.forEach((scale, group) => {
    if (scale >= MIN_SCALE_MAGNITUDE) return;
    scales[group] = 0;
    trits.fill(0, group * groupLength, (group + 1) * groupLength);
  });
  return matrix;
}
