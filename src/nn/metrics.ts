/** Metrics: what a person wants to know beside the loss. */

/** A sum over samples and their number; the metric is their quotient. */
export interface MetricSum {
  sum: number;
  count: number;
}

/** A measure of outputs against targets, computed on the host. */
export interface Metric {
  readonly name: string;
  /**
   * @param outputs `[..., C]` row-major
   * @param targets `[...]` class indices, or `[..., C]` values
   */
  measure(outputs: Float32Array, targets: Float32Array): MetricSum;
}

/** Share of rows whose largest logit is that of the target class; targets are class indices. */
export const accuracy: Metric = {
  name: "accuracy",
  measure(outputs, targets) {
    const classes = outputs.length / targets.length;
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
  measure(outputs, targets) {
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
