/** Distillation: a model learns from another one what it says, beside what the data say. */
import { ShapeError, UsageError } from "../../core/errors.ts";
import { deriveSeed } from "../../core/random.ts";
import type { Shape } from "../../core/shape.ts";
import type { Module } from "../module.ts";
import { batchesOf, isDataset, type TrainingData } from "./batches.ts";
import {
  type DistillationTerms,
  distillationObjective,
  type FeatureDistillation,
  type LogitDistillation,
} from "./distillation-objective.ts";
import { fitTo } from "./fit.ts";
import { checkFitOptions, type FitOptions } from "./fit-options.ts";
import type { History } from "./history.ts";
import { crossEntropy } from "./losses.ts";

export type { FeatureDistillation, LogitDistillation } from "./distillation-objective.ts";

/** Options of `distill`: those of `fit`, of which `loss` is what the data ask for, and what the teacher adds. */
export interface DistillOptions extends FitOptions {
  /** Compares outputs; on by default. False leaves them out, for teachers with other outputs. */
  logits?: LogitDistillation | false;
  /** Hidden layers to compare; none by default. */
  features?: readonly FeatureDistillation[];
  /** Of `loss` in the sum; 0.5 by default, and 0 learns from the teacher alone. */
  taskWeight?: number;
}

/**
 * Trains a student in place to give what a teacher gives, and leaves it in evaluation mode; the teacher stays as it is.
 * Everything else is as in `fit`: progress (the loss is the sum), validation (of the student, by `loss`), early stopping,
 * checkpoints, abort signal. With `quantizationWarmup` a student that was converted from its teacher becomes ternary step by
 * step.
 *
 * @throws what `fit` throws; UsageError for layers that do not exist, models that share a parameter, and where nothing is
 *   left to learn
 */
export async function distill(
  student: Module,
  teacher: Module,
  data: TrainingData,
  options: DistillOptions,
): Promise<History> {
  const { logits, features, taskWeight, ...fitOptions } = options;
  checkFitOptions(student, data, fitOptions);
  const terms = completeTerms(options);
  const sampleShape = terms.features.length > 0 ? await sampleShapeOf(student, data) : undefined;
  const seed = deriveSeed(options.seed ?? 0, "projections");
  const objective = distillationObjective(student, teacher, terms, sampleShape, seed);
  return await fitTo(objective, student, data, fitOptions);
}

function completeTerms({
  loss = crossEntropy,
  logits = {},
  features = [],
  taskWeight = 0.5,
}: DistillOptions): DistillationTerms {
  const terms = {
    task: { loss, weight: taskWeight },
    logits: logits === false ? undefined : { temperature: 2, weight: 1, ...logits },
    features: features.map((pair) => ({ teacher: pair.student, weight: 1, ...pair })),
  };
  checkWeight("taskWeight", taskWeight);
  if (terms.logits) checkWeight("logits.weight", terms.logits.weight);
  for (const [i, { weight }] of terms.features.entries()) checkWeight(`features[${i}].weight`, weight);
  if (!terms.logits && features.length === 0) {
    throw new UsageError("distill compares logits, features or both: with neither, fit() trains on the data alone");
  }
  return terms;
}

function checkWeight(name: string, weight: number): void {
  if (weight >= 0 && Number.isFinite(weight)) return;
  throw new ShapeError(`${name} must be a number of at least 0, got ${weight}`);
}

/** Shape of a sample as the student takes it. */
async function sampleShapeOf({ inputShape }: Module, data: TrainingData): Promise<Shape> {
  // Looking at data that can be read only once would cost their first samples.
  if (isDataset(data) || Array.isArray(data) || typeof data === "function") {
    for await (const batch of batchesOf(data, 0, { batchSize: 1, inputShape })) return batch.inputShape;
  }
  if (inputShape?.every((size) => size !== null)) return inputShape as Shape;
  throw new UsageError(
    "features need the shape of one sample: set inputShape of the student, or pass data that can be read again",
  );
}
