/** What outputs of a model say about classes. */
import { FileError } from "../../core/errors.ts";
import { formatShape, type Shape } from "../../core/shape.ts";
import type { ArrayFile } from "./sample-file.ts";

/** A class with its probability. */
export interface ScoredClass {
  readonly index: number;
  /** Its name, or its index where the model has no names. */
  readonly class: string;
  /** Softmax over all classes. */
  readonly score: number;
}

/**
 * The likeliest classes of one row of outputs, best first; equal ones in the order of their indices. None where an
 * output is NaN or +infinity: then there are no probabilities.
 *
 * @param logits `[classes]`
 */
export function likeliestClasses(
  logits: Float32Array,
  count: number,
  names: readonly string[] | undefined,
): ScoredClass[] {
  const largest = logits.reduce((most, logit) => Math.max(most, logit), Number.NEGATIVE_INFINITY);
  const weights = Float64Array.from(logits, (logit) => Math.exp(logit - largest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (!Number.isFinite(total)) return [];
  return Array.from(logits.keys())
    .sort((a, b) => logits[b] - logits[a] || a - b)
    .slice(0, count)
    .map((index) => ({ index, class: names?.[index] ?? String(index), score: weights[index] / total }));
}

/**
 * Share of rows whose largest output is that of the true class.
 *
 * @param outputs `[rows, classCount]`
 * @throws FileError when there is not one class index for each row
 */
export function accuracyOf(outputs: Float32Array, outputShape: Shape, labels: ArrayFile): number {
  const classCount = outputShape[outputShape.length - 1];
  const rows = outputs.length / classCount;
  const { file, values, shape } = labels;
  if (values.length !== rows) {
    throw new FileError(`expected ${rows} class indices, one for each sample, got shape ${formatShape(shape)}`, {
      file,
    });
  }
  const wrong = values.findIndex((label) => !(Number.isInteger(label) && label >= 0 && label < classCount));
  if (wrong !== -1) {
    throw new FileError(`expected class indices of 0 to ${classCount - 1}, got ${values[wrong]} at position ${wrong}`, {
      file,
    });
  }
  let correct = 0;
  for (let row = 0; row < rows; row++) {
    const best = likeliestClasses(outputs.subarray(row * classCount, (row + 1) * classCount), 1, undefined).at(0);
    if (best?.index === values[row]) correct++;
  }
  return correct / rows;
}
