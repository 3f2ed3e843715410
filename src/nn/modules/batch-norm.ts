/** Batch norm. */
import { ShapeError } from "../../core/errors.ts";
import { checkSize } from "../../core/shape.ts";
import type { GraphBuilder, Value } from "../../runtime/graph.ts";
import { batchNorm } from "../../runtime/ops/index.ts";
import { lift, type Parameter, type Tensor } from "../../tensor/index.ts";
import { floatTensors } from "../deploy.ts";
import { filled } from "../initialise.ts";
import { Module } from "../module.ts";
import { checkLastAxis } from "./rows.ts";

/** Options of `BatchNorm`. */
export interface BatchNormOptions {
  /** Added to the variance before the root; 1e-5 by default. */
  eps?: number;
  /** Share of the batch in the running statistics after each step; 0.1 by default. */
  momentum?: number;
}

/**
 * Normalises each channel (the last axis) over all other axes, `[batch, ..., features]` → the same.
 *
 * In training: y = (x - mean) / sqrt(variance + eps) · weight + bias with the statistics of the batch, which also move the
 * running ones: running = (1 - momentum) · running + momentum · batch, the variance unbiased, as in PyTorch. In evaluation:
 * y = x · scale + shift with scale = weight / sqrt(runningVar + eps) and shift = bias - runningMean · scale. Exact when
 * deployed, which is in evaluation mode. A norm whose gain is frozen (`weight.isTrainable = false`) is so in training, too:
 * what was trained beside its statistics goes on to see them.
 *
 * Ioffe, Szegedy, "Batch Normalization", 2015, arXiv:1502.03167.
 */
export class BatchNorm extends Module {
  readonly features: number;
  readonly eps: number;
  readonly momentum: number;
  /** `[features]`, the gain. */
  readonly weight: Parameter;
  /** `[features]` */
  readonly bias: Parameter;
  /** `[features]`, a buffer. */
  readonly runningMean: Parameter;
  /** `[features]`, a buffer. */
  readonly runningVar: Parameter;

  /** @throws ShapeError when `features` is not a whole number of at least 1 */
  constructor(features: number, { eps = 1e-5, momentum = 0.1 }: BatchNormOptions = {}) {
    super();
    checkSize("features", features);
    this.features = features;
    this.eps = eps;
    this.momentum = momentum;
    this.inputShape = [features];
    this.weight = filled([features], 1);
    this.bias = filled([features], 0);
    this.runningMean = filled([features], 0, false);
    this.runningVar = filled([features], 1, false);
  }

  override forward(x: Tensor): Tensor {
    checkLastAxis(this, x, this.features);
    if (this.isTraining && this.weight.isTrainable) return this.normaliseBatch(x);
    const scale = lift(this.weight).mul(lift(this.runningVar).add(this.eps).sqrt().reciprocal());
    const shift = lift(this.bias).sub(lift(this.runningMean).mul(scale));
    return x.mul(scale).add(shift);
  }

  override async lower(graph: GraphBuilder, input: Value, name: string): Promise<Value> {
    const { weight, bias, runningMean: mean, runningVar: variance } = this;
    const tensors = floatTensors({ weight, bias, mean, variance });
    return graph.add(batchNorm, name, [input], { eps: this.eps }, tensors);
  }

  override describe(): string {
    return `${this.features}`;
  }

  private normaliseBatch(x: Tensor): Tensor {
    const count = x.size / this.features;
    if (count < 2) {
      throw new ShapeError(
        `BatchNorm needs at least 2 values per channel in training, got ${count}; use eval() or a larger batch`,
      );
    }
    const mean = channelMean(x);
    const centred = x.sub(mean);
    const variance = channelMean(centred.square());
    this.move(this.runningMean, mean);
    this.move(this.runningVar, variance.mul(count / (count - 1)));
    return centred.mul(variance.add(this.eps).sqrt().reciprocal()).mul(this.weight).add(this.bias);
  }

  private move(running: Parameter, batch: Tensor): void {
    running.assign(
      lift(running)
        .mul(1 - this.momentum)
        .add(batch.stopGradient().mul(this.momentum)),
    );
  }
}

/** Mean over all axes but the last, `[features]`; in two stages, because one long float32 sum drifts. */
function channelMean(x: Tensor): Tensor {
  const inner = x.shape.map((_, axis) => axis).slice(1, -1);
  return (inner.length > 0 ? x.mean(inner) : x).mean(0);
}
