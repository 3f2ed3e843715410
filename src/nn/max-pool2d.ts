/** Max pooling. */
import type { GraphBuilder, Value } from "../runtime/graph.ts";
import { maxPool } from "../runtime/ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { formatPair, outputSize, type Pair, pairOf, windowValues } from "./images.ts";
import { Module } from "./module.ts";

/** Options of pools. */
export interface PoolOptions {
  /** Step of the window, one number or `[vertical, horizontal]`; the window's size by default. */
  stride?: number | Pair;
}

/**
 * The largest value of each window and channel, `[batch, height, width, channels]` → `[batch, outHeight, outWidth,
 * channels]` with outHeight = floor((height - windowHeight) / stride) + 1. Exact when deployed.
 *
 * The gradient goes to the largest value; where several are equal, to the first of them, row by row, as in PyTorch.
 */
export class MaxPool2d extends Module {
  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: Pair = [0, 0];

  /** @throws ShapeError when a size is not a whole number of at least 1 */
  constructor(kernelSize: number | Pair, { stride = kernelSize }: PoolOptions = {}) {
    super();
    this.kernelSize = pairOf("kernelSize", kernelSize);
    this.stride = pairOf("stride", stride);
    this.inputShape = [null, null, null];
  }

  override forward(x: Tensor): Tensor {
    return windowValues(x, this, outputSize(this, x, this)).reduce((largest, values) => largest.maximum(values));
  }

  override async lower(graph: GraphBuilder, input: Value, name: string): Promise<Value> {
    return graph.add(maxPool, name, [input], { kernelSize: this.kernelSize, stride: this.stride });
  }

  override describe(): string {
    return formatPair(this.kernelSize);
  }
}
