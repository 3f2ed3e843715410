/** Metrics: what a person wants to know beside the loss. */
import { ShapeError } from "../../core/errors.ts";

/** A sum over samples and their number; the metric is their quotient. */
export interface MetricSum {
  sum: number;
  count: number;
}

/** A measure of outputs against targets, computed on the host. */
export interface Metric {
  readonly name: string;
  /** Whether a smaller value is better, as for errors; false by default. Early stopping asks. */
  readonly isSmallerBetter?: boolean;
  /** Whether the value is a share of 1, shown in percent; false by default. */
  readonly isShare?: boolean;
  /**
   * @param outputs `[..., C]` row-major
   * @param targets `[...]` class indices, or `[..., C]` values
   */
  measure(outputs: Float32Array, targets: Float32Array): MetricSum;
}

/** Share of rows whose largest logit is that of the target class; targets are class indices. */
export const accuracy: Metric = {
  name: "accuracy",
  isShare: true,
  measure(outputs, targets) {
    const classes = outputs.length / targets.length;
    if (!Number.isSafeInteger(classes) || classes < 2) {
      throw new ShapeError(
        `accuracy needs one class index for each row of outputs, got ${targets.length} targets for ${outputs.length} outputs: leave it out of metrics for other targets`,
      );
    }
    let sum = 0;
    for (let row = 0; row < targets.length; row++) {
      if (indexOfLargest(outputs, row * classes, classes) === targets[row]) sum++;
    }
    return { sum, count: targets.length };
  },
};

/** Mean of |output - target|. */
export const meanAbsoluteError: Metric = {
  name: "meanAbsoluteError",
  isSmallerBetter: true,
  measure(outputs, targets) {
    if (outputs.length !== targets.length) {
      throw new ShapeError(
        `meanAbsoluteError needs as many targets as outputs, got ${targets.length} for ${outputs.length}`,
      );
    }
    let sum = 0;
    for (let i = 0; i < targets.length; i++) sum += Math.abs(outputs[i] - targets[i]);
    return { sum, count: targets.length };
  },
};

/** Index, from `start`, of the largest of `count` values; the first of equals, -1 where all are NaN. */
export function indexOfLargest(values: ArrayLike<number>, start: number, count: number): number {
  let best = -1;
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    const value = values[start + i];
    if (value > largest || (best === -1 && value === largest)) {
      best = i;
      largest = value;
    }
  }
  return best;
}
