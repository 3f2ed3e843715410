/** The fully connected layer whose ternary weights are given, not trained. */
import { type ActivationRuleId, activationRule } from "../../activation-rules/index.ts";
import { ShapeError } from "../../core/errors.ts";
import type { TernaryMatrix } from "../../core/ternary-matrix.ts";
import type { GraphBuilder, Value } from "../../runtime/graph.ts";
import { ternaryLinear } from "../../runtime/ops/index.ts";
import { Parameter, type Tensor } from "../../tensor/index.ts";
import { floatTensors, packedPlanes } from "../deploy.ts";
import { Module } from "../module.ts";
import type { TernaryLayer, TernarySizes } from "../summary-bytes.ts";
import type { BitLinear } from "./bit-linear.ts";
import { frozenPlanes, planesOf, sizesOf, tracePlanes } from "./frozen-planes.ts";
import type { MultiTernaryLinear } from "./multi-ternary-linear.ts";
import { checkLastAxis, overRows } from "./rows.ts";
import { multiplyRows } from "./ternary-product.ts";

/** Options of layers whose planes are given. */
export interface FrozenTernaryOptions {
  /** Added to the outputs, `[outFeatures]`, copied; none by default. Training changes it. */
  bias?: Float32Array | undefined;
  /** Activation rule; `none` by default: float inputs, as a conversion of weights alone needs them. */
  activation?: ActivationRuleId;
}

/**
 * A linear layer over ternary planes that training leaves as they are: y = Σ codes(x) · trits_iᵀ · (s_x · s_i) + b,
 * `[..., inFeatures]` → `[..., outFeatures]`. It holds what a conversion without training gives, or the base of `LoraLinear`.
 * Gradients flow through it to the input and the bias. Exact when deployed with an integer activation rule.
 */
export class TernaryLinear extends Module implements TernaryLayer {
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly activation: ActivationRuleId;
  /** For each plane `[outFeatures, inFeatures]`, a buffer of -1, 0 and +1. */
  readonly trits: readonly Parameter[];
  /** For each plane `[1]` or `[outFeatures]`, a buffer. */
  readonly scales: readonly Parameter[];
  /** `[outFeatures]` */
  readonly bias: Parameter | undefined;

  /**
   * @param planes one or more of one shape, copied; their sum is the weight
   * @throws ShapeError when planes or bias do not fit together, UnsupportedError for scales of groups or an unknown
   *   activation rule
   */
  constructor(planes: readonly TernaryMatrix[], { bias, activation = "none" }: FrozenTernaryOptions = {}) {
    super();
    const { trits, scales } = frozenPlanes(planes);
    this.trits = trits;
    this.scales = scales;
    this.outFeatures = planes[0].outFeatures;
    this.inFeatures = planes[0].inFeatures;
    this.inputShape = [this.inFeatures];
    this.activation = activationRule(activation).id;
    this.bias = biasOf(bias, this.outFeatures);
  }

  /** The layer that a trained one deploys to: its current trits, scales and bias, and its activation rule. */
  static async freeze(layer: BitLinear | MultiTernaryLinear): Promise<TernaryLinear> {
    const ternary = await layer.ternary();
    const { activation, bias, isTraining, inputShape, sampleShape } = layer;
    const planes = Array.isArray(ternary) ? ternary : [ternary];
    const frozen = new TernaryLinear(planes, { bias: bias?.value, activation });
    return Object.assign(frozen, { isTraining, inputShape, sampleShape });
  }

  /** Copies of the planes. @throws ShapeError when a state that was loaded holds other values than trits and scales */
  get planes(): TernaryMatrix[] {
    return planesOf(this);
  }

  override forward(x: Tensor): Tensor {
    checkLastAxis(this, x, this.inFeatures);
    return overRows(x, (rows) => multiplyRows(rows, this.activation, tracePlanes(this), this.bias));
  }

  /** Sizes of the planes, for `summary()`. */
  ternarySizes(): TernarySizes {
    return sizesOf(this);
  }

  override async lower(graph: GraphBuilder, input: Value, name: string): Promise<Value> {
    const tensors = { ...packedPlanes(this.planes, graph.format), ...floatTensors({ bias: this.bias }) };
    return graph.add(ternaryLinear, name, [input], { activation: this.activation }, tensors);
  }

  override describe(): string {
    return `${this.inFeatures} → ${this.outFeatures}, ${describePlanes(this.trits.length)}, ${this.activation}`;
  }
}

/** The bias of a layer as a parameter of its own. @throws ShapeError when it does not have one value for each output */
export function biasOf(bias: Float32Array | undefined, outputs: number): Parameter | undefined {
  if (bias === undefined) return undefined;
  if (bias.length !== outputs) throw new ShapeError(`bias must hold ${outputs} values, got ${bias.length}`);
  return new Parameter([outputs], bias.slice());
}

/** `1 frozen plane`, `2 frozen planes`. */
export function describePlanes(count: number): string {
  return count === 1 ? "1 frozen plane" : `${count} frozen planes`;
}
