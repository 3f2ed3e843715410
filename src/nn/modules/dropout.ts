/** Dropout. */
import { ShapeError } from "../../core/errors.ts";
import type { GraphBuilder, Value } from "../../runtime/graph.ts";
import type { Tensor } from "../../tensor/index.ts";
import { Module } from "../module.ts";

/**
 * In training sets each value to 0 with probability `p` and multiplies the others by 1 / (1 - p); the random numbers come
 * from the seed of the run. The identity in evaluation and when deployed. Any shape → the same.
 *
 * Srivastava et al., "Dropout", Journal of Machine Learning Research 15, 2014.
 */
export class Dropout extends Module {
  readonly p: number;

  /** @throws ShapeError when `p` is not in [0, 1) */
  constructor(p = 0.5) {
    super();
    if (!(p >= 0 && p < 1)) throw new ShapeError(`p must be at least 0 and below 1, got ${p}`);
    this.p = p;
  }

  override forward(x: Tensor): Tensor {
    if (!this.isTraining || this.p === 0) return x;
    const factors = x
      .randomUniform()
      .greaterEqual(this.p)
      .where(1 / (1 - this.p), 0);
    return x.mul(factors);
  }

  override async lower(_graph: GraphBuilder, input: Value, _name: string): Promise<Value> {
    return input;
  }

  override describe(): string {
    return `${this.p}`;
  }
}
