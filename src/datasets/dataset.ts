/** What training consumes: samples with their targets, in memory. */
import { ShapeError } from "../core/errors.ts";
import { checkSize, elementCount, formatShape, type Shape } from "../core/shape.ts";

/** Samples with one target each; arrays are row-major and belong to the dataset. */
export interface Dataset {
  /** What reports call it. */
  readonly name: string;
  /** Samples in order, `[count, ...inputShape]`. */
  readonly inputs: Float32Array;
  /** Shape of one sample; images are `[height, width, channels]`, token sequences `[T]`. */
  readonly inputShape: Shape;
  /** `[count, ...targetShape]`: class or token indices as `Int32Array`, real values as `Float32Array`. */
  readonly targets: Int32Array | Float32Array;
  /** Shape of one target; `[]` for one class a sample. */
  readonly targetShape: Shape;
  /** Names of the classes, in the order of their indices. */
  readonly classes?: readonly string[];
}

/** A dataset to learn from and one, with other samples, to measure on. */
export interface DatasetSplit {
  /** What the model learns from. */
  readonly train: Dataset;
  /** What the model never sees while it learns. */
  readonly test: Dataset;
}

/** Number of samples. */
export function sampleCount(dataset: Dataset): number {
  return dataset.inputs.length / elementCount(dataset.inputShape);
}

/**
 * Samples `start` (included) to `end` (excluded), over the same memory.
 *
 * @throws ShapeError when the range is empty or reaches beyond the dataset
 */
export function subset(dataset: Dataset, start: number, end: number): Dataset {
  const count = sampleCount(dataset);
  const isRange = Number.isSafeInteger(start) && Number.isSafeInteger(end) && 0 <= start && start < end && end <= count;
  if (!isRange) {
    throw new ShapeError(`a subset of ${dataset.name} needs 0 <= start < end <= ${count}, got ${start} to ${end}`);
  }
  const inputSize = elementCount(dataset.inputShape);
  const targetSize = elementCount(dataset.targetShape);
  return {
    ...dataset,
    inputs: dataset.inputs.subarray(start * inputSize, end * inputSize),
    targets: dataset.targets.subarray(start * targetSize, end * targetSize),
  };
}

/**
 * Checks a dataset at a public edge and returns it.
 *
 * @throws ShapeError when a shape has a size below 1, the arrays do not hold the same whole number of samples, there is
 *   no sample, or an index is not one of the classes
 */
export function checkDataset(dataset: Dataset): Dataset {
  const { name, inputs, inputShape, targets, targetShape, classes } = dataset;
  for (const size of inputShape) checkSize(`a size of the input shape ${formatShape(inputShape)} of ${name}`, size);
  for (const size of targetShape) checkSize(`a size of the target shape ${formatShape(targetShape)} of ${name}`, size);
  const count = sampleCount(dataset);
  if (!Number.isSafeInteger(count) || count === 0) {
    throw new ShapeError(
      `inputs of ${name} must hold one or more whole samples of shape ${formatShape(inputShape)}, got ${inputs.length} values`,
    );
  }
  const targetLength = count * elementCount(targetShape);
  if (targets.length !== targetLength) {
    throw new ShapeError(
      `targets of ${name} must hold ${targetLength} values (${count} samples of shape ${formatShape(targetShape)}), got ${targets.length}`,
    );
  }
  if (classes !== undefined && targets instanceof Int32Array) checkClasses(name, targets, classes.length);
  return dataset;
}

function checkClasses(name: string, targets: Int32Array, classCount: number): void {
  const wrong = targets.findIndex((target) => target < 0 || target >= classCount);
  if (wrong === -1) return;
  throw new ShapeError(
    `targets of ${name} must be class indices of 0 to ${classCount - 1}, got ${targets[wrong]} at position ${wrong}`,
  );
}
