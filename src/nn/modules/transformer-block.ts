/** A layer of a transformer. */
import { checkSize } from "../../core/shape.ts";
import type { GraphBuilder, Value } from "../../runtime/graph.ts";
import { activation, add } from "../../runtime/ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { gelu } from "../activations.ts";
import { nextSeed } from "../initialise.ts";
import { type Activation, Module } from "../module.ts";
import type { BitLinear } from "./bit-linear.ts";
import { Dropout } from "./dropout.ts";
import type { Linear } from "./linear.ts";
import { type AttentionOptions, MultiHeadAttention, projection } from "./multi-head-attention.ts";
import { RMSNorm } from "./rms-norm.ts";
import { pathOf } from "./sequential.ts";

/** Options of `TransformerBlock`. */
export interface TransformerBlockOptions extends AttentionOptions {
  /** Width of the feed-forward part; 4 · features by default. */
  hidden?: number;
  /** Function between its two layers, such as `gelu` (the default) or `squaredRelu`. */
  activationFunction?: Activation;
  /** Probability of dropout on both branches; 0 by default. */
  dropout?: number;
  /** Class of the two norms; `RMSNorm` by default. */
  norm?: new (
    features: number,
  ) => Module;
}

/**
 * Pre-norm transformer layer, `[batch, sequence, features]` → the same:
 *
 *     h = x + attention(norm(x))        y = h + down(activationFunction(up(norm(h))))
 *
 * Its linear layers are ternary, or float ones to be trained first and converted with `convertToBitLinear`.
 *
 * Vaswani et al., "Attention Is All You Need", 2017, arXiv:1706.03762; Xiong et al., "On Layer Normalization in the
 * Transformer Architecture", 2020, arXiv:2002.04745 (norms first).
 */
export class TransformerBlock extends Module {
  readonly features: number;
  attentionNorm: Module;
  attention: MultiHeadAttention;
  feedForwardNorm: Module;
  up: Linear | BitLinear;
  readonly activationFunction: Activation;
  down: Linear | BitLinear;
  readonly dropout: Dropout;

  /** @throws ShapeError for sizes that are not allowed, UnsupportedError for unknown quantizers, options or activations */
  constructor(features: number, heads: number, options: TransformerBlockOptions = {}) {
    super();
    const {
      hidden = 4 * features,
      activationFunction = gelu,
      dropout = 0,
      norm: Norm = RMSNorm,
      causal = false,
      seed = nextSeed(),
      ...rest
    } = options;
    const linear = { ...rest, seed };
    checkSize("hidden", hidden);
    this.features = features;
    this.inputShape = [null, features];
    this.attentionNorm = new Norm(features);
    this.attention = new MultiHeadAttention(features, heads, { ...linear, causal });
    this.feedForwardNorm = new Norm(features);
    this.up = projection(features, hidden, "up", linear);
    this.activationFunction = activationFunction;
    this.down = projection(hidden, features, "down", linear);
    this.dropout = new Dropout(dropout);
  }

  override forward(x: Tensor): Tensor {
    const attended = x.add(this.dropout.forward(this.attention.forward(this.attentionNorm.forward(x))));
    const widened = this.activationFunction(this.up.forward(this.feedForwardNorm.forward(attended)));
    return attended.add(this.dropout.forward(this.down.forward(widened)));
  }

  override async lower(graph: GraphBuilder, input: Value, name: string): Promise<Value> {
    const normed = await this.attentionNorm.lower(graph, input, pathOf(name, "attentionNorm"));
    const mixed = await this.attention.lower(graph, normed, pathOf(name, "attention"));
    const attended = graph.add(add, pathOf(name, "attentionAdd"), [input, mixed]);
    const normedAgain = await this.feedForwardNorm.lower(graph, attended, pathOf(name, "feedForwardNorm"));
    const widened = await this.up.lower(graph, normedAgain, pathOf(name, "up"));
    const activated = graph.add(activation, pathOf(name, "activationFunction"), [widened], {
      function: this.activationFunction.functionName,
    });
    const narrowed = await this.down.lower(graph, activated, pathOf(name, "down"));
    return graph.add(add, pathOf(name, "feedForwardAdd"), [attended, narrowed]);
  }

  override describe(): string {
    return `${this.features} → ${this.up.outFeatures} → ${this.features}, ${this.activationFunction.functionName}`;
  }
}
