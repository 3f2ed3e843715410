/** Root mean square norm. */
import { checkSize } from "../../core/shape.ts";
import type { GraphBuilder, Value } from "../../runtime/graph.ts";
import { rmsNorm } from "../../runtime/ops/index.ts";
import type { Parameter, Tensor } from "../../tensor/index.ts";
import { floatTensors } from "../deploy.ts";
import { filled } from "../initialise.ts";
import { Module } from "../module.ts";
import { checkLastAxis } from "./rows.ts";

/** Options of norms. */
export interface NormOptions {
  /** Added to the mean square (or variance) before the root; 1e-5 by default. */
  eps?: number;
}

/**
 * y = x / sqrt(mean(x²) + eps) · gain over the last axis, `[..., features]` → the same. Exact when deployed.
 *
 * Zhang, Sennrich, "Root Mean Square Layer Normalization", 2019, arXiv:1910.07467.
 */
export class RMSNorm extends Module {
  readonly features: number;
  readonly eps: number;
  /** `[features]`, the gain. */
  readonly weight: Parameter;

  /** @throws ShapeError when `features` is not a whole number of at least 1 */
  constructor(features: number, { eps = 1e-5 }: NormOptions = {}) {
    super();
    checkSize("features", features);
    this.features = features;
    this.eps = eps;
    this.inputShape = [features];
    this.weight = filled([features], 1);
  }

  override forward(x: Tensor): Tensor {
    checkLastAxis(this, x, this.features);
    const meanSquare = x
      .square()
      .laneSum()
      .mul(1 / this.features);
    return x.mul(meanSquare.add(this.eps).sqrt().reciprocal()).mul(this.weight);
  }

  override async lower(graph: GraphBuilder, input: Value, name: string): Promise<Value> {
    return graph.add(rmsNorm, name, [input], { eps: this.eps }, floatTensors({ weight: this.weight }));
  }

  override describe(): string {
    return `${this.features}`;
  }
}
