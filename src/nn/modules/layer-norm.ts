/** Layer norm. */
import { checkSize } from "../../core/shape.ts";
import type { GraphBuilder, Value } from "../../runtime/graph.ts";
import { layerNorm } from "../../runtime/ops/index.ts";
import type { Parameter, Tensor } from "../../tensor/index.ts";
import { floatTensors } from "../deploy.ts";
import { filled } from "../initialise.ts";
import { Module } from "../module.ts";
import type { NormOptions } from "./rms-norm.ts";
import { checkLastAxis } from "./rows.ts";

/**
 * y = (x - mean) / sqrt(mean((x - mean)²) + eps) · weight + bias over the last axis, `[..., features]` → the same. Both
 * means are the sum of the numeric contract times f32(1 / features). Exact when deployed.
 *
 * Ba, Kiros, Hinton, "Layer Normalization", 2016, arXiv:1607.06450.
 */
export class LayerNorm extends Module {
  readonly features: number;
  readonly eps: number;
  /** `[features]`, the gain. */
  readonly weight: Parameter;
  /** `[features]` */
  readonly bias: Parameter;

  /** @throws ShapeError when `features` is not a whole number of at least 1 */
  constructor(features: number, { eps = 1e-5 }: NormOptions = {}) {
    super();
    checkSize("features", features);
    this.features = features;
    this.eps = eps;
    this.inputShape = [features];
    this.weight = filled([features], 1);
    this.bias = filled([features], 0);
  }

  override forward(x: Tensor): Tensor {
    checkLastAxis(this, x, this.features);
    const inverseCount = 1 / this.features;
    const centred = x.sub(x.laneSum().mul(inverseCount));
    const variance = centred.square().laneSum().mul(inverseCount);
    return centred.mul(variance.add(this.eps).sqrt().reciprocal()).mul(this.weight).add(this.bias);
  }

  override async lower(graph: GraphBuilder, input: Value, name: string): Promise<Value> {
    const tensors = floatTensors({ weight: this.weight, bias: this.bias });
    return graph.add(layerNorm, name, [input], { eps: this.eps }, tensors);
  }

  override describe(): string {
    return `${this.features}`;
  }
}
