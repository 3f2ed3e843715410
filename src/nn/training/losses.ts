/** Losses: a batch of outputs and targets to one number, the mean over the batch. */
import { ShapeError } from "../../core/errors.ts";
import { formatShape } from "../../core/shape.ts";
import type { Tensor } from "../../tensor/index.ts";

/** `output` is what the model gave, `target` what the data says; the result has shape `[]`. */
export type Loss = (output: Tensor, target: Tensor) => Tensor;

/** Options of `smoothedCrossEntropy`. */
export interface LabelSmoothing {
  /** Share of the probability that is spread over all classes, in [0, 1). */
  smoothing: number;
}

/**
 * Cross-entropy of logits `[..., C]` against class indices `[...]`, the mean over all of them; NaN when an index is none of
 * 0 to C - 1.
 */
export const crossEntropy: Loss = (output, target) => crossEntropyOf(output, target, 0);

/**
 * Cross-entropy with label smoothing: the target is 1 - smoothing on the class plus smoothing / C everywhere.
 *
 * Szegedy et al., "Rethinking the Inception Architecture", 2015, arXiv:1512.00567, section 7.
 *
 * @throws ShapeError when the smoothing is not in [0, 1)
 */
export function smoothedCrossEntropy({ smoothing }: LabelSmoothing): Loss {
  if (!(smoothing >= 0 && smoothing < 1)) throw new ShapeError(`smoothing must be in [0, 1), got ${smoothing}`);
  return (output, target) => crossEntropyOf(output, target, smoothing);
}

/** Mean squared error between arrays of one shape, the mean over every value. */
export const meanSquaredError: Loss = (output, target) => {
  checkTarget("meanSquaredError", output, target, output.shape);
  const square = output.sub(target).square();
  return square
    .reshape([-1, square.shape.at(-1) ?? 1])
    .mean(-1)
    .mean(); // in two stages: one long float32 sum drifts
};

/** Options of `klDivergence`. */
export interface DistillationOptions {
  /** Divides both logits; the loss is multiplied by its square to keep the size of its gradients. 1 by default. */
  temperature?: number;
}

/**
 * Distillation: T² · KL(softmax(target / T) || softmax(output / T)) of logits `[..., C]`, the mean over all but the last axis.
 *
 * Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural Network", 2015, arXiv:1503.02531, section 2.
 *
 * @throws ShapeError when the temperature is not a positive number
 */
export function klDivergence({ temperature = 1 }: DistillationOptions = {}): Loss {
  if (!(temperature > 0 && Number.isFinite(temperature))) {
    throw new ShapeError(`temperature must be a positive number, got ${temperature}`);
  }
  return (output, target) => {
    checkTarget("klDivergence", output, target, output.shape);
    const teacher = target.mul(1 / temperature).logSoftmax();
    const student = output.mul(1 / temperature).logSoftmax();
    const divergence = teacher.exp().mul(teacher.sub(student)).sum(-1);
    return divergence.mean().mul(temperature * temperature);
  };
}

function crossEntropyOf(output: Tensor, target: Tensor, smoothing: number): Tensor {
  const classes = output.shape.at(-1) ?? 1;
  checkTarget("crossEntropy", output, target, output.shape.slice(0, -1));
  // A product with one-hot rows instead of a gather, whose gradient the engine cannot compile.
  const wanted = target.oneHot(classes);
  const smoothed = smoothing === 0 ? wanted : wanted.mul(1 - smoothing).add(smoothing / classes);
  const logLikelihood = output.logSoftmax().mul(smoothed).sum(-1);
  return isClass(target, classes).where(logLikelihood, Number.NaN).mean().neg();
}

/** Where values are whole numbers in [0, classes). */
function isClass(target: Tensor, classes: number): Tensor {
  const index = target.floor();
  return target.equal(index.maximum(0).minimum(classes - 1));
}

function checkTarget(loss: string, output: Tensor, target: Tensor, expected: readonly number[]): void {
  if (formatShape(target.shape) === formatShape(expected)) return;
  throw new ShapeError(
    `${loss} needs targets of shape ${formatShape(expected)} for outputs ${formatShape(output.shape)}, got ${formatShape(target.shape)}`,
  );
}
