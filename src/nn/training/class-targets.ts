/** Whether class indices name outputs that the model has; the traced losses cannot look at values and give NaN. */
import type { Batch } from "./batches.ts";

/**
 * What is wrong with the first target of a batch that is no class of the model's; undefined where all are, or where the
 * targets are no class indices.
 *
 * @param outputCount values that the model gave for the whole batch
 * @param samplesBefore samples of the data before the batch, where samples are counted over all of them
 */
export function unknownClass(batch: Batch, outputCount: number, samplesBefore?: number): string | undefined {
  const { targets, hasClassTargets, count } = batch;
  const classes = outputCount / targets.length;
  // Other numbers of outputs belong to other losses; those that do not fit are for the loss and the metrics to refuse.
  if (!hasClassTargets || !Number.isSafeInteger(classes) || classes < 2) return undefined;
  const wrong = targets.findIndex((target) => !(Number.isInteger(target) && target >= 0 && target < classes));
  if (wrong < 0) return undefined;
  const sample = Math.floor(wrong / (targets.length / count)) + (samplesBefore ?? 0);
  const where = samplesBefore === undefined ? "of this batch" : "of the data";
  return `Sample ${sample} ${where} has the class ${targets[wrong]}, and the model has outputs for ${classes} classes, 0 to ${classes - 1}: give it more outputs or correct the data`;
}
