/** Learned positions. */
import { ShapeError } from "../../core/errors.ts";
import { deriveSeed } from "../../core/random.ts";
import { checkSize, formatShape } from "../../core/shape.ts";
import type { GraphBuilder, Value } from "../../runtime/graph.ts";
import { positionEmbedding } from "../../runtime/ops/index.ts";
import { lift, type Parameter, type Tensor } from "../../tensor/index.ts";
import { floatTensors } from "../deploy.ts";
import { nextSeed, normal } from "../initialise.ts";
import { Module } from "../module.ts";
import type { EmbeddingOptions } from "./embedding.ts";
import { checkLastAxis } from "./rows.ts";

/**
 * Adds a learned vector for each position of a sequence, `[batch, ..., sequence, features]` → the same, for sequences of at
 * most `length`. Exact when deployed.
 *
 * Radford et al., "Language Models are Unsupervised Multitask Learners", 2019.
 */
export class PositionEmbedding extends Module {
  readonly length: number;
  readonly features: number;
  /** `[length, features]` */
  readonly weight: Parameter;

  /**
   * @throws ShapeError when a size is not a whole number of at least 1
   */
  constructor(length: number, features: number, { deviation = 0.02, seed = nextSeed() }: EmbeddingOptions = {}) {
    super();
    checkSize("length", length);
    checkSize("features", features);
    this.length = length;
    this.features = features;
    this.inputShape = [null, features];
    this.weight = normal([length, features], deviation, deriveSeed(seed, "weight"));
  }

  override forward(x: Tensor): Tensor {
    checkLastAxis(this, x, this.features);
    const sequence = x.shape[x.shape.length - 2];
    if (x.shape.length < 3 || sequence > this.length) {
      throw new ShapeError(
        `PositionEmbedding needs an input of shape [batch, ..., sequence, ${this.features}] with at most ${this.length} positions, got ${formatShape(x.shape)}`,
      );
    }
    return x.add(lift(this.weight).slice(0, 0, sequence));
  }

  override async lower(graph: GraphBuilder, input: Value, name: string): Promise<Value> {
    return graph.add(positionEmbedding, name, [input], {}, floatTensors({ weight: this.weight }));
  }

  override describe(): string {
    return `${this.length} × ${this.features}`;
  }
}
