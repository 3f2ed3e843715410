/** Average pooling. */
import type { GraphBuilder, Value } from "../../runtime/graph.ts";
import { averagePool } from "../../runtime/ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { outputSize, windowValues } from "./images.ts";
import { Pool2d } from "./pool2d.ts";

/**
 * The mean of each window and channel, `[batch, height, width, channels]` → `[batch, outHeight, outWidth, channels]` with
 * outHeight = floor((height - windowHeight) / stride) + 1: values added row by row, then times f32(1 / count). Exact when
 * deployed.
 */
export class AvgPool2d extends Pool2d {
  override forward(x: Tensor): Tensor {
    const sum = windowValues(x, this, outputSize(this, x, this)).reduce((partial, values) => partial.add(values));
    return sum.mul(1 / (this.kernelSize[0] * this.kernelSize[1]));
  }

  override async lower(graph: GraphBuilder, input: Value, name: string): Promise<Value> {
    return graph.add(averagePool, name, [input], { kernelSize: this.kernelSize, stride: this.stride });
  }
}
