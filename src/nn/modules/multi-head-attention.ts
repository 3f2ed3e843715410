/** Softmax attention with several heads. */
import { ShapeError } from "../../core/errors.ts";
import { deriveSeed } from "../../core/random.ts";
import { checkSize, formatShape } from "../../core/shape.ts";
import type { GraphBuilder, Value } from "../../runtime/graph.ts";
import { attention } from "../../runtime/ops/index.ts";
import { type Tensor, tensor } from "../../tensor/index.ts";
import { nextSeed } from "../initialise.ts";
import { Module } from "../module.ts";
import { BitLinear } from "./bit-linear.ts";
import { Linear } from "./linear.ts";
import { checkLastAxis } from "./rows.ts";
import { pathOf } from "./sequential.ts";
import type { TernaryOptions } from "./ternary-weight.ts";

/** Options of modules that are built from linear layers. */
export interface ProjectionOptions extends TernaryOptions {
  /** `ternary` builds them from `BitLinear` (the default), `float` from `Linear`, to be converted later. */
  layer?: "ternary" | "float";
  /** Gives the linear layers a bias; true by default. */
  bias?: boolean;
  /** Seed of the initial values; by default the next one of the sequence that `manualSeed` restarts. */
  seed?: number;
}

/** Options of `MultiHeadAttention`. */
export interface AttentionOptions extends ProjectionOptions {
  /** Each position sees itself and the ones before it only; false by default. */
  causal?: boolean;
}

/** Added to the scores of hidden positions: their weight underflows to 0. */
const HIDDEN = -1e30;

/**
 * softmax(Q · Kᵀ / sqrt(d)) · V in heads of d = features / heads, between ternary projections; `[batch, sequence, features]`
 * → the same. The projections are exact when deployed, the attention between them is not (sums and exponentials of floats).
 *
 * Vaswani et al., "Attention Is All You Need", 2017, arXiv:1706.03762.
 */
export class MultiHeadAttention extends Module {
  readonly features: number;
  readonly heads: number;
  readonly causal: boolean;
  query: Linear | BitLinear;
  key: Linear | BitLinear;
  value: Linear | BitLinear;
  output: Linear | BitLinear;

  /** @throws ShapeError when a size is not a whole number of at least 1, or `heads` does not divide `features` */
  constructor(
    features: number,
    heads: number,
    { causal = false, seed = nextSeed(), ...linear }: AttentionOptions = {},
  ) {
    super();
    checkSize("features", features);
    checkSize("heads", heads);
    if (features % heads !== 0) {
      throw new ShapeError(`features must be a multiple of heads, got ${features} features and ${heads} heads`);
    }
    this.features = features;
    this.heads = heads;
    this.causal = causal;
    this.inputShape = [null, features];
    const options = { ...linear, seed };
    this.query = projection(features, features, "query", options);
    this.key = projection(features, features, "key", options);
    this.value = projection(features, features, "value", options);
    this.output = projection(features, features, "output", options);
  }

  override forward(x: Tensor): Tensor {
    checkLastAxis(this, x, this.features);
    if (x.shape.length !== 3) {
      throw new ShapeError(
        `MultiHeadAttention needs an input of shape [batch, sequence, ${this.features}], got ${formatShape(x.shape)}`,
      );
    }
    const queries = this.headsOf(this.query.forward(x)).mul(1 / Math.sqrt(this.features / this.heads));
    const scores = queries.matmul(this.headsOf(this.key.forward(x)).transpose());
    const visible = this.causal ? scores.add(causalMask(x.shape[1])) : scores;
    const mixed = visible.softmax().matmul(this.headsOf(this.value.forward(x)));
    return this.output.forward(mixed.transpose([0, 2, 1, 3]).reshape(x.shape));
  }

  override async lower(graph: GraphBuilder, input: Value, name: string): Promise<Value> {
    const query = await this.query.lower(graph, input, pathOf(name, "query"));
    const key = await this.key.lower(graph, input, pathOf(name, "key"));
    const value = await this.value.lower(graph, input, pathOf(name, "value"));
    const attributes = { heads: this.heads, causal: this.causal };
    const mixed = graph.add(attention, pathOf(name, "attention"), [query, key, value], attributes);
    return await this.output.lower(graph, mixed, pathOf(name, "output"));
  }

  override describe(): string {
    return `${this.features}, ${this.heads} heads${this.causal ? ", causal" : ""}`;
  }

  /** `[batch, sequence, features]` → `[batch, heads, sequence, features / heads]`. */
  private headsOf(x: Tensor): Tensor {
    const [batch, sequence] = x.shape;
    return x.reshape([batch, sequence, this.heads, this.features / this.heads]).transpose([0, 2, 1, 3]);
  }
}

/** A linear layer inside a larger module, with a seed of its own by its name. */
export function projection(
  inFeatures: number,
  outFeatures: number,
  name: string,
  { layer = "ternary", bias = true, seed, ...ternary }: ProjectionOptions & { seed: number },
): Linear | BitLinear {
  const options = { bias, seed: deriveSeed(seed, name) };
  if (layer === "float") return new Linear(inFeatures, outFeatures, options);
  return new BitLinear(inFeatures, outFeatures, { ...ternary, ...options });
}

/** `[sequence, sequence]`: 0 where a row may see a column. */
function causalMask(sequence: number): Tensor {
  const mask = Float32Array.from({ length: sequence * sequence }, (_, i) =>
    i % sequence <= Math.floor(i / sequence) ? 0 : HIDDEN,
  );
  return tensor(mask, [sequence, sequence]);
}
