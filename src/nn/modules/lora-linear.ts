/**
 * A low-rank update beside a frozen ternary layer:
 *
 *     y = base(x) + x · Aᵀ · (alpha / rank · B)ᵀ        A [rank, inFeatures] normal, B [outFeatures, rank] zero at first
 *
 * so that the layer starts as its base, and only rank · (inFeatures + outFeatures) values are trained.
 *
 * Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021, arXiv:2106.09685, section 4.1; on quantized weights
 * Dettmers et al., "QLoRA", 2023, arXiv:2305.14314. The paper leaves the deviation of A open: 1/sqrt(inFeatures) here, which
 * gives x · Aᵀ the size of x.
 */
import { ShapeError } from "../../core/errors.ts";
import { checkSize } from "../../core/shape.ts";
import type { GraphBuilder, Value } from "../../runtime/graph.ts";
import { add, linear } from "../../runtime/ops/index.ts";
import { lift, Parameter, type Tensor } from "../../tensor/index.ts";
import { floatTensors } from "../deploy.ts";
import { filled, nextSeed, normal } from "../initialise.ts";
import { Module } from "../module.ts";
import { checkLastAxis, overRows } from "./rows.ts";
import { pathOf } from "./sequential.ts";
import type { TernaryLinear } from "./ternary-linear.ts";

/** Sizes of a low-rank update. */
export interface LoraLayerOptions {
  /** Rank of the update, 8 by default; at most the smaller side of the weight. */
  rank?: number;
  /** The update is multiplied by alpha / rank; by default alpha is the rank. */
  alpha?: number;
  /** Seed of A; by default the next one of the sequence that `manualSeed` restarts. */
  seed?: number;
}

/**
 * A frozen ternary layer with a trained low-rank update, `[..., inFeatures]` → `[..., outFeatures]`. Deploys to the ternary
 * layer, two small float ones and a sum; `mergeLora` makes a further ternary plane of the update instead.
 */
export class LoraLinear extends Module {
  /** Frozen, its bias too. */
  readonly base: TernaryLinear;
  readonly rank: number;
  readonly alpha: number;
  /** `[rank, inFeatures]` */
  readonly loraA: Parameter;
  /** `[outFeatures, rank]` */
  readonly loraB: Parameter;

  /**
   * @param base taken over, not copied; its bias is frozen
   * @throws ShapeError when the rank is not a whole number from 1 to the smaller side of the weight, or alpha not positive
   */
  constructor(base: TernaryLinear, { rank = 8, alpha = rank, seed = nextSeed() }: LoraLayerOptions = {}) {
    super();
    checkSize("rank", rank);
    const { inFeatures, outFeatures } = base;
    if (rank > Math.min(inFeatures, outFeatures)) {
      throw new ShapeError(
        `rank must be at most ${Math.min(inFeatures, outFeatures)}, the smaller side of the weight, got ${rank}`,
      );
    }
    if (!(alpha > 0 && Number.isFinite(alpha))) throw new ShapeError(`alpha must be a positive number, got ${alpha}`);
    this.base = base;
    if (base.bias) base.bias.isTrainable = false;
    this.rank = rank;
    this.alpha = alpha;
    this.inputShape = base.inputShape;
    this.loraA = normal([rank, inFeatures], 1 / Math.sqrt(inFeatures), seed);
    this.loraB = filled([outFeatures, rank], 0);
  }

  override forward(x: Tensor): Tensor {
    checkLastAxis(this, x, this.base.inFeatures);
    const up = lift(this.loraB).mul(this.alpha / this.rank);
    const update = overRows(x, (rows) => rows.matmulTransposed(this.loraA).matmulTransposed(up));
    return this.base.forward(x).add(update);
  }

  /** The update of the weight, alpha / rank · B · A, `[outFeatures, inFeatures]`. */
  update(): Float32Array {
    const { base, rank, alpha, loraA, loraB } = this;
    const { inFeatures, outFeatures } = base;
    const update = new Float32Array(outFeatures * inFeatures);
    for (let n = 0; n < outFeatures; n++) {
      for (let k = 0; k < inFeatures; k++) {
        let sum = 0; // float64
        for (let r = 0; r < rank; r++) sum += loraB.value[n * rank + r] * loraA.value[r * inFeatures + k];
        update[n * inFeatures + k] = (alpha / rank) * sum;
      }
    }
    return update;
  }

  override async lower(graph: GraphBuilder, input: Value, name: string): Promise<Value> {
    const { base, loraA, loraB, alpha, rank } = this;
    const scaled = new Parameter(
      loraB.shape,
      loraB.value.map((value) => value * Math.fround(alpha / rank)),
    );
    const ternary = await base.lower(graph, input, pathOf(name, "base"));
    const down = graph.add(linear, pathOf(name, "loraA"), [input], {}, floatTensors({ weight: loraA }));
    const up = graph.add(linear, pathOf(name, "loraB"), [down], {}, floatTensors({ weight: scaled }));
    return graph.add(add, pathOf(name, "add"), [ternary, up]);
  }

  override describe(): string {
    return `${this.base.describe()}, rank ${this.rank}, alpha ${this.alpha}`;
  }
}
