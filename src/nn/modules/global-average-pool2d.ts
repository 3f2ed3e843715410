/** Average pooling over whole images. */
import type { GraphBuilder, Value } from "../../runtime/graph.ts";
import { globalAveragePool } from "../../runtime/ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { Module } from "../module.ts";
import { checkImages } from "./images.ts";

/**
 * The mean of each channel over the image, `[batch, height, width, channels]` → `[batch, channels]`: the sum of the numeric
 * contract over the pixels row by row, then times f32(1 / count). Exact when deployed.
 */
export class GlobalAveragePool2d extends Module {
  constructor() {
    super();
    this.inputShape = [null, null, null];
  }

  override forward(x: Tensor): Tensor {
    checkImages(this, x);
    const [batch, height, width, channels] = x.shape;
    const pixels = x.reshape([batch, height * width, channels]).transpose();
    return pixels
      .laneSum()
      .mul(1 / (height * width))
      .reshape([batch, channels]);
  }

  override async lower(graph: GraphBuilder, input: Value, name: string): Promise<Value> {
    return graph.add(globalAveragePool, name, [input]);
  }
}
