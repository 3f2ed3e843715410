/** The float32 fully connected layer. */
import { checkSize } from "../../core/shape.ts";
import type { GraphBuilder, Value } from "../../runtime/graph.ts";
import { linear } from "../../runtime/ops/index.ts";
import type { Parameter, Tensor } from "../../tensor/index.ts";
import { floatTensors } from "../deploy.ts";
import { initialWeights } from "../initialise.ts";
import { Module } from "../module.ts";
import { checkLastAxis, overRows } from "./rows.ts";

/** Options of linear layers. */
export interface LinearOptions {
  /** Adds a learned vector to the output; true by default. */
  bias?: boolean;
  /** Seed of the initial values; by default the next one of the sequence that `manualSeed` restarts. */
  seed?: number;
}

/** y = x · Wᵀ + b, `[..., inFeatures]` → `[..., outFeatures]`. */
export class Linear extends Module {
  readonly inFeatures: number;
  readonly outFeatures: number;
  /** `[outFeatures, inFeatures]` */
  readonly weight: Parameter;
  /** `[outFeatures]` */
  readonly bias: Parameter | undefined;

  /** @throws ShapeError when a size is not a whole number of at least 1 */
  constructor(inFeatures: number, outFeatures: number, options: LinearOptions = {}) {
    super();
    checkSize("inFeatures", inFeatures);
    checkSize("outFeatures", outFeatures);
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    this.inputShape = [inFeatures];
    const { weight, bias } = initialWeights([outFeatures, inFeatures], options);
    this.weight = weight;
    this.bias = bias;
  }

  override forward(x: Tensor): Tensor {
    checkLastAxis(this, x, this.inFeatures);
    return overRows(x, (rows) => {
      const product = rows.matmulTransposed(this.weight);
      return this.bias ? product.add(this.bias) : product;
    });
  }

  override async lower(graph: GraphBuilder, input: Value, name: string): Promise<Value> {
    const tensors = floatTensors({ weight: this.weight, bias: this.bias });
    return graph.add(linear, name, [input], {}, tensors);
  }

  override describe(): string {
    return `${this.inFeatures} → ${this.outFeatures}`;
  }
}
