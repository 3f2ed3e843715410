/** From images to vectors. */
import { elementCount } from "../../core/shape.ts";
import type { GraphBuilder, Value } from "../../runtime/graph.ts";
import { flatten } from "../../runtime/ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { Module } from "../module.ts";

/**
 * One vector per sample: `[batch, height, width, channels]` → `[batch, channels · height · width]`, channel by channel as
 * PyTorch flattens its channels-first images, so that its linear weights fit; other ranks as they lie.
 */
export class Flatten extends Module {
  override forward(x: Tensor): Tensor {
    const size = elementCount(x.shape.slice(1));
    const ordered = x.shape.length === 4 ? x.transpose([0, 3, 1, 2]) : x;
    return ordered.reshape([x.shape[0], size]);
  }

  override async lower(graph: GraphBuilder, input: Value, name: string): Promise<Value> {
    return graph.add(flatten, name, [input]);
  }
}
