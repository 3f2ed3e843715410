/** What to say when a loss is not finite. */
import { DivergedError } from "../../core/errors.ts";
import { sampleCount } from "../../datasets/dataset.ts";
import { type Batch, isDataset, type TrainingData } from "./batches.ts";

/** The error for a loss that is not finite; looks for the cause in the data: all of them where they are in memory. */
export function diverged(
  loss: number,
  data: TrainingData,
  batch: Batch,
  step: number,
  learningRate: number,
): DivergedError {
  const [where, { inputs, targets }, count] = isDataset(data)
    ? ["the training data", data, sampleCount(data)]
    : ["this batch", batch, batch.count];
  const cause = badValue("inputs", inputs, count, where) ?? badValue("targets", targets, count, where);
  const advice =
    cause ??
    `Try a smaller learning rate (now ${learningRate}), clipNorm: 1, a warm-up schedule or a norm before each ternary layer; look for very large inputs; check that class indices are below the number of outputs`;
  return new DivergedError(`the loss became ${loss} at step ${step}. ${advice}`, step);
}

function badValue(what: string, values: ArrayLike<number>, count: number, where: string): string | undefined {
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue;
    const sample = Math.floor(i / (values.length / count));
    return `The ${what} of sample ${sample} of ${where} hold ${values[i]}: clean the data`;
  }
  return undefined;
}
