/** Weights that training sees as trits: what every ternary layer shares. */
import { type ActivationRuleId, activationRules } from "../../activation-rules/index.ts";
import { ShapeError } from "../../core/errors.ts";
import { MAX_IN_FEATURES, type MatrixShape, type TernaryMatrix } from "../../core/ternary-matrix.ts";
import { createQuantizer, type Quantizer, type QuantizerOptions, quantizers } from "../../quantizers/index.ts";
import { checkFinite, checkMagnitudes } from "../../quantizers/quantizer.ts";
import { compile, lift, Parameter, type Tensor, tensor } from "../../tensor/index.ts";
import type { TernarySizes } from "../summary-bytes.ts";
import { type TracedWeight, warmedUp } from "./ternary-product.ts";

/** Options that every ternary layer takes. */
export interface TernaryOptions {
  /** Weight rule by name; `bitnet` by default. */
  quantizer?: string;
  /** Options of the weight rule. */
  quantizerOptions?: QuantizerOptions;
  /** Activation rule; by default the one that the quantizer's paper uses. */
  activation?: ActivationRuleId;
}

/** The weight of a ternary layer as a matrix of rows, with its quantizer and what that learns. */
export class TernaryWeight {
  readonly quantizer: Quantizer;
  readonly shape: MatrixShape;
  readonly weight: Parameter;
  /** The scale that the quantizer learns; undefined where it computes the scale from the weights. */
  readonly learnedScale: Parameter | undefined;

  constructor(weight: Parameter, shape: MatrixShape, quantizer: Quantizer) {
    this.quantizer = quantizer;
    this.shape = shape;
    this.weight = weight;
    const initial = this.quantizer.initialScale?.(weight.value, shape);
    this.learnedScale = initial && new Parameter([initial.length], initial);
  }

  /** Starts the learned scale anew from the current weight, after the weight was replaced. */
  resetLearnedScale(): void {
    const initial = this.quantizer.initialScale?.(this.weight.value, this.shape);
    if (initial && this.learnedScale) this.learnedScale.value = initial;
  }

  /** Sizes of what `read` gives. */
  sizes(): TernarySizes {
    const { shape, weight, learnedScale, quantizer } = this;
    return { shape, planes: 1, scales: scaleCount(quantizer, shape), replaced: [weight, learnedScale] };
  }

  /** Traced trits and scales of the current weight, as a list of one plane. */
  trace(): readonly TracedWeight[] {
    const rows = this.rows(lift(this.weight));
    return warmedUp(rows, [tracedCodes(this.quantizer, rows, this.scale())]);
  }

  /**
   * The current trits and scales, by the traced rule that trains.
   *
   * @throws ShapeError for a weight that is not finite or beyond 2⁶⁴ in magnitude, or a learned scale that is not finite
   */
  async read(): Promise<TernaryMatrix> {
    checkMagnitudes("weights of a ternary layer", this.weight.value);
    if (this.learnedScale) checkFinite("the learned scale of a ternary layer", this.learnedScale.value);
    const rows = tensor(this.weight.value, [this.shape.outFeatures, this.shape.inFeatures]);
    const inputs = this.learnedScale ? [rows, tensor(this.learnedScale.value, [this.learnedScale.size, 1])] : [rows];
    using run = compile(([weight, learned]) => {
      const { trits, scales } = this.quantizer.trace(weight, learned);
      return [trits, scales];
    });
    const traced = run(inputs);
    const [trits, scales] = await Promise.all(traced.map((values) => values.data()));
    for (const values of [...inputs, ...traced]) values.dispose();
    return { ...this.shape, trits: Int8Array.from(trits), scales };
  }

  private rows(weight: Tensor): Tensor {
    return weight.shape.length === 2 ? weight : weight.reshape([this.shape.outFeatures, this.shape.inFeatures]);
  }

  private scale(): Tensor | undefined {
    return this.learnedScale && lift(this.learnedScale).reshape([this.learnedScale.size, 1]);
  }
}

/** The quantizer of a layer. @throws UnsupportedError for unknown quantizers or options */
export function quantizerOf({ quantizer = quantizers[0].id, quantizerOptions }: TernaryOptions): Quantizer {
  return createQuantizer(quantizer, quantizerOptions);
}

/** Gives a ternary layer the weights of a float one, which keeps its own. */
export function copyWeights(from: WeightAndBias, to: WeightAndBias): void {
  to.weight.value = from.weight.value.slice();
  if (to.bias && from.bias) to.bias.value = from.bias.value.slice();
}

/** What a float layer and its ternary counterpart have in common. */
interface WeightAndBias {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;
}

/**
 * Checks the inputs of each output, before a ternary layer makes its weights.
 *
 * @throws ShapeError when a row is too long for exact sums
 */
export function checkRowLength(inFeatures: number): void {
  if (inFeatures <= MAX_IN_FEATURES) return;
  throw new ShapeError(`a ternary layer takes at most ${MAX_IN_FEATURES} inputs, got ${inFeatures}`);
}

/** Number of scales that a quantizer gives a matrix. */
export function scaleCount({ options }: Quantizer, { outFeatures }: MatrixShape): number {
  return options.granularity === "per-tensor" ? 1 : outFeatures;
}

/** Codes and multiplier of a weight `[N, K]` under a quantizer. */
export function tracedCodes(quantizer: Quantizer, rows: Tensor, learnedScale?: Tensor): TracedWeight {
  const { trits, scales, surrogate } = quantizer.trace(rows, learnedScale);
  const multiplier = quantizer.smallestScale > 0 ? scales : scales.equal(0).where(1, scales);
  return { codes: trits.add(surrogate.mul(multiplier.reciprocal())), multiplier };
}

/** A quantizer as `describe()` of a layer names it: its id, and the options that are not the scheme's own. */
export function describeQuantizer({ id, options }: Quantizer): string {
  const { defaults } = quantizers.find((scheme) => scheme.id === id) ?? { defaults: {} };
  const own = Object.entries(options).filter(([name, value]) => Reflect.get(defaults, name) !== value);
  return [id, ...own.map(([name, value]) => `${name} ${value}`)].join(" ");
}

/** The activation rule of a layer: as asked for, or the one that belongs to its quantizer. */
export function activationOf(options: TernaryOptions): ActivationRuleId {
  if (options.activation !== undefined) return options.activation;
  return (
    quantizers.find(({ id }) => id === (options.quantizer ?? quantizers[0].id))?.activation ?? activationRules[0].id
  );
}
