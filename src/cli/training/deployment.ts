/** What a deployed model does on the test set, and whether it does what the training forward pass does. */
import { elementCount } from "../../core/shape.ts";
import { type Dataset, sampleCount, subset } from "../../datasets/index.ts";
import { indexOfLargest, type Module, predict } from "../../nn/index.ts";
import type { DeployedModel } from "../../runtime/deployed-model.ts";
import { inspectModel } from "../../runtime/inspect.ts";
import { runModel } from "../run-model.ts";

/** A deployed model on a dataset. */
export interface DeploymentMeasurement {
  /** Share of targets that were predicted. */
  readonly accuracy: number;
  /** Index of the predicted class for each target. */
  readonly predictions: Int32Array;
  readonly secondsPerSample: number;
  /** Every output, row-major. */
  readonly outputs: Float32Array;
}

/** Outputs of a deployed model against those of the training forward pass. */
export interface Exactness {
  /** Whether every operation of the model promises the same bits. */
  readonly isPromised: boolean;
  /** Whether all outputs are the same value in the sense of `Object.is`. */
  readonly isExact: boolean;
  readonly comparedValues: number;
  readonly differingValues: number;
  readonly largestDifference: number;
}

/** Samples that run before the time is taken, so that Node has compiled what runs. */
const WARM_UP_SAMPLES = 100;

/** Runs a deployed model on every sample and takes the time. */
export async function measureDeployment(deployed: DeployedModel, data: Dataset): Promise<DeploymentMeasurement> {
  const few = subset(data, 0, Math.min(WARM_UP_SAMPLES, sampleCount(data)));
  await runModel(deployed, few.inputs, data.inputShape);
  const { outputs, seconds } = await runModel(deployed, data.inputs, data.inputShape);
  const { targets } = data;
  const classes = outputs.length / targets.length;
  const predictions = Int32Array.from(targets, (_, row) => indexOfLargest(outputs, row * classes, classes));
  const correct = predictions.reduce((count, predicted, row) => count + (predicted === targets[row] ? 1 : 0), 0);
  return { accuracy: correct / targets.length, predictions, secondsPerSample: seconds / sampleCount(data), outputs };
}

/** Compares outputs of a deployed model on a dataset with the forward pass that trained it, value by value. */
export async function compareWithTraining(
  module: Module,
  deployed: DeployedModel,
  data: Dataset,
  outputs: Float32Array,
): Promise<Exactness> {
  const expected = await predict(module, data.inputs, { inputShape: sampleShapeOf(module, data) });
  let differingValues = Math.abs(expected.length - outputs.length);
  let largestDifference = 0;
  for (let i = 0; i < Math.min(expected.length, outputs.length); i++) {
    if (Object.is(expected[i], outputs[i])) continue;
    differingValues++;
    largestDifference = Math.max(largestDifference, Math.abs(expected[i] - outputs[i]));
  }
  return {
    isPromised: inspectModel(deployed).total.isExact,
    isExact: differingValues === 0,
    comparedValues: expected.length,
    differingValues,
    largestDifference,
  };
}

/** How often each class was taken for each: `[true class][predicted class]`. */
export function confusionOf(targets: Dataset["targets"], predictions: Int32Array, classCount: number): number[][] {
  const counts = Array.from({ length: classCount }, () => new Array<number>(classCount).fill(0));
  for (let row = 0; row < targets.length; row++) {
    if (predictions[row] >= 0) counts[targets[row]][predictions[row]]++; // -1 where every output is NaN
  }
  return counts;
}

/** The module's shape of a sample where it knows it and the data fill it, else the data's. */
function sampleShapeOf(module: Module, { inputShape }: Dataset): readonly number[] {
  const known = module.inputShape?.filter((size) => size !== null) ?? [];
  const isKnown = known.length === module.inputShape?.length;
  return isKnown && elementCount(known) === elementCount(inputShape) ? known : inputShape;
}
