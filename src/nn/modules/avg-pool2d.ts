/** Average pooling. */
import type { GraphBuilder, Value } from "../../runtime/graph.ts";
import { averagePool } from "../../runtime/ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { Module } from "../module.ts";
import { formatPair, outputSize, type Pair, pairOf, windowValues } from "./images.ts";
import type { PoolOptions } from "./max-pool2d.ts";

/**
 * The mean of each window and channel, `[batch, height, width, channels]` → `[batch, outHeight, outWidth, channels]` with
 * outHeight = floor((height - windowHeight) / stride) + 1: values added row by row, then times f32(1 / count). Exact when
 * deployed.
 */
export class AvgPool2d extends Module {
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
    const sum = windowValues(x, this, outputSize(this, x, this)).reduce((partial, values) => partial.add(values));
    return sum.mul(1 / (this.kernelSize[0] * this.kernelSize[1]));
  }

  override async lower(graph: GraphBuilder, input: Value, name: string): Promise<Value> {
    return graph.add(averagePool, name, [input], { kernelSize: this.kernelSize, stride: this.stride });
  }

  override describe(): string {
    return formatPair(this.kernelSize);
  }
}
