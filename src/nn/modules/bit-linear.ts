/** The ternary fully connected layer. */
import { type ActivationRuleId, activationRule } from "../../activation-rules/index.ts";
import { checkSize } from "../../core/shape.ts";
import type { TernaryMatrix } from "../../core/ternary-matrix.ts";
import type { GraphBuilder, Value } from "../../runtime/graph.ts";
import { ternaryLinear } from "../../runtime/ops/index.ts";
import type { Parameter, Tensor } from "../../tensor/index.ts";
import { floatTensors, packedPlanes } from "../deploy.ts";
import { initialWeights } from "../initialise.ts";
import { Module } from "../module.ts";
import type { TernaryLayer, TernarySizes } from "../summary-bytes.ts";
import type { Linear, LinearOptions } from "./linear.ts";
import { checkLastAxis, overRows } from "./rows.ts";
import { multiplyRows } from "./ternary-product.ts";
import {
  activationOf,
  checkRowLength,
  copyWeights,
  describeQuantizer,
  quantizerOf,
  type TernaryOptions,
  TernaryWeight,
} from "./ternary-weight.ts";

/** Options of `BitLinear`. */
export interface BitLinearOptions extends LinearOptions, TernaryOptions {}

/**
 * A linear layer whose weights are trits times a scale: y = codes(x) · tritsᵀ · (s_x · s_w) + b, `[..., inFeatures]` →
 * `[..., outFeatures]`. The float weight is kept and trained; integers are multiplied first and scales after, so the
 * deployed layer gives the same bits.
 *
 * Ma et al., "The Era of 1-bit LLMs", 2024, arXiv:2402.17764 (with the default quantizer).
 */
export class BitLinear extends Module implements TernaryLayer {
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly activation: ActivationRuleId;
  /** `[outFeatures, inFeatures]`, the float weight that is trained. */
  readonly weight: Parameter;
  /** `[1]` or `[outFeatures]`, for quantizers that learn their scale. */
  readonly learnedScale: Parameter | undefined;
  /** `[outFeatures]` */
  readonly bias: Parameter | undefined;
  private readonly ternaryWeight: TernaryWeight;

  /** @throws ShapeError for sizes that are not allowed, UnsupportedError for unknown quantizers, options or activations */
  constructor(inFeatures: number, outFeatures: number, options: BitLinearOptions = {}) {
    super();
    checkSize("inFeatures", inFeatures);
    checkSize("outFeatures", outFeatures);
    checkRowLength(inFeatures);
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    this.inputShape = [inFeatures];
    this.activation = activationRule(activationOf(options)).id;
    const quantizer = quantizerOf(options);
    const { weight, bias } = initialWeights([outFeatures, inFeatures], options, quantizer.initialBound);
    this.weight = weight;
    this.ternaryWeight = new TernaryWeight(this.weight, { outFeatures, inFeatures }, quantizer);
    this.learnedScale = this.ternaryWeight.learnedScale;
    this.bias = bias;
  }

  /** A ternary layer with the weights of a float one, to be fine-tuned. */
  static fromLinear(linear: Linear, options: TernaryOptions = {}): BitLinear {
    const own = { bias: linear.bias !== undefined, seed: 0 }; // a seed, so that none is drawn for values that are replaced
    const layer = new BitLinear(linear.inFeatures, linear.outFeatures, { ...options, ...own });
    copyWeights(linear, layer);
    layer.ternaryWeight.resetLearnedScale();
    return layer;
  }

  override forward(x: Tensor): Tensor {
    checkLastAxis(this, x, this.inFeatures);
    return overRows(x, (rows) => multiplyRows(rows, this.activation, this.ternaryWeight.trace(), this.bias));
  }

  /** The current trits and scales: what `deploy()` packs. */
  async ternary(): Promise<TernaryMatrix> {
    return await this.ternaryWeight.read();
  }

  /** Sizes of what `ternary()` gives, for `summary()`. */
  ternarySizes(): TernarySizes {
    return this.ternaryWeight.sizes();
  }

  override async lower(graph: GraphBuilder, input: Value, name: string): Promise<Value> {
    const planes = packedPlanes([await this.ternary()], graph.format);
    const tensors = { ...planes, ...floatTensors({ bias: this.bias }) };
    return graph.add(ternaryLinear, name, [input], { activation: this.activation }, tensors);
  }

  override describe(): string {
    return `${this.inFeatures} → ${this.outFeatures}, ${describeQuantizer(this.ternaryWeight.quantizer)}, ${this.activation}`;
  }
}
