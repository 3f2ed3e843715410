/** A table of learned vectors. */
import { deriveSeed } from "../../core/random.ts";
import { checkSize } from "../../core/shape.ts";
import type { GraphBuilder, Value } from "../../runtime/graph.ts";
import { embedding } from "../../runtime/ops/index.ts";
import type { Parameter, Tensor } from "../../tensor/index.ts";
import { floatTensors } from "../deploy.ts";
import { nextSeed, normal } from "../initialise.ts";
import { Module } from "../module.ts";

/** Options of embeddings. */
export interface EmbeddingOptions {
  /** Standard deviation of the initial values; 1 for `Embedding`, as in PyTorch, 0.02 for `PositionEmbedding`. */
  deviation?: number;
  /** Seed of the initial values; by default the next one of the sequence that `manualSeed` restarts. */
  seed?: number;
}

/**
 * A learned vector for each id, `[batch, ...]` → `[batch, ..., features]`; ids are whole numbers in [0, count), as float32.
 * Exact when deployed.
 *
 * Training multiplies one-hot rows with the table, and cannot look at values while it traces: an id that does not exist
 * gives NaN there, which ends the training. The deployed model refuses it.
 */
export class Embedding extends Module {
  readonly count: number;
  readonly features: number;
  /** `[count, features]` */
  readonly weight: Parameter;

  /**
   * @throws ShapeError when a size is not a whole number of at least 1
   */
  constructor(count: number, features: number, { deviation = 1, seed = nextSeed() }: EmbeddingOptions = {}) {
    super();
    checkSize("count", count);
    checkSize("features", features);
    this.count = count;
    this.features = features;
    this.inputShape = [null];
    this.weight = normal([count, features], deviation, deriveSeed(seed, "weight"));
  }

  override forward(x: Tensor): Tensor {
    const wanted = x.reshape([-1]).oneHot(this.count);
    const isKnown = wanted.sum(-1, { keepDims: true }).equal(1);
    const rows = wanted.matmul(this.weight).add(isKnown.where(0, Number.NaN));
    return rows.reshape([...x.shape, this.features]);
  }

  override async lower(graph: GraphBuilder, input: Value, name: string): Promise<Value> {
    return graph.add(embedding, name, [input], {}, floatTensors({ weight: this.weight }));
  }

  override describe(): string {
    return `${this.count} × ${this.features}`;
  }
}
