/** Batches of one shape from arrays, iterables and async iterables. */
import { ShapeError, UsageError } from "../../core/errors.ts";
import { deriveSeed, RandomSource } from "../../core/random.ts";
import { elementCount, formatShape, type Shape } from "../../core/shape.ts";
import { checkDataset, type Dataset, sampleCount } from "../../datasets/dataset.ts";

/** One sample of an iterable. */
export interface Sample {
  input: ArrayLike<number>;
  /** A class index, or the values of the target. */
  target: number | ArrayLike<number>;
}

/**
 * What `fit` and `evaluate` read: a dataset in memory, or anything that can be iterated once an epoch. A function is
 * called once an epoch; a plain generator lasts for one epoch only.
 */
export type TrainingData =
  | Dataset
  | Iterable<Sample>
  | AsyncIterable<Sample>
  | ((epoch: number) => Iterable<Sample> | AsyncIterable<Sample>);

/** Samples that go through the model together; the arrays are valid until the next batch is taken. */
export interface Batch {
  /** `[count, ...inputShape]` */
  readonly inputs: Float32Array;
  readonly inputShape: Shape;
  /** `[count, ...targetShape]`, class indices as numbers */
  readonly targets: Float32Array;
  readonly targetShape: Shape;
  /** Whether targets are indices: those of an `Int32Array`, and single numbers. */
  readonly hasClassTargets: boolean;
  readonly count: number;
}

/** How data are cut into batches. */
export interface BatchOptions {
  batchSize: number;
  /** Shape of a sample as the model takes it; null for sizes that vary. */
  inputShape?: readonly (number | null)[] | undefined;
  /** Order of the samples of a dataset; iterables keep their own. */
  shuffleSeed?: number | undefined;
  /** Batches to leave out at the start, for a training that is resumed inside an epoch. */
  skip?: number;
  /** Leaves out samples that do not fill a last batch and tells how many they are, at the end of the data. */
  dropLast?: (count: number) => void;
}

/** Whether data are in memory, so that their size is known and they can be shuffled. */
export function isDataset(data: TrainingData): data is Dataset {
  return typeof data === "object" && "inputs" in data && "targets" in data;
}

/**
 * Checks at a public edge that data are of a kind that can be trained on.
 *
 * @throws ShapeError for a dataset that does not fit together, UsageError for anything else that cannot be iterated
 */
export function checkTrainingData(what: string, data: TrainingData): void {
  const isReadable =
    typeof data === "function" ||
    (typeof data === "object" &&
      data !== null &&
      (isDataset(data) || Symbol.iterator in data || Symbol.asyncIterator in data));
  if (!isReadable) {
    throw new UsageError(
      `${what} must be a dataset ({ inputs, targets, ... }), an iterable of samples ({ input, target }) or a function that gives one, got ${data === null ? "null" : typeof data}`,
    );
  }
  if (isDataset(data)) checkDataset(data);
}

/** Number of samples of an epoch; undefined where the data do not tell. */
export function knownSampleCount(data: TrainingData): number | undefined {
  if (isDataset(data)) return sampleCount(data);
  return Array.isArray(data) ? data.length : undefined;
}

/**
 * The batches of one epoch, counted from 0.
 *
 * @throws ShapeError when samples do not fit each other or the model, UsageError when there are none
 */
export async function* batchesOf(data: TrainingData, epoch: number, options: BatchOptions): AsyncGenerator<Batch> {
  if (isDataset(data)) yield* batchesOfDataset(data, epoch, options);
  else yield* batchesOfSamples(typeof data === "function" ? data(epoch) : data, options);
}

function* batchesOfDataset(data: Dataset, epoch: number, options: BatchOptions): Generator<Batch> {
  const { batchSize, dropLast, skip = 0 } = options;
  const count = sampleCount(data);
  const inputShape = viewedShape(data.inputShape, options.inputShape);
  const inputSize = elementCount(data.inputShape);
  const targetSize = elementCount(data.targetShape);
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  if (options.shuffleSeed !== undefined) new RandomSource(deriveSeed(options.shuffleSeed, epoch)).shuffle(order);
  const allInputs = new Float32Array(Math.min(batchSize, count) * inputSize); // one array for all batches: they are large
  const allTargets = new Float32Array(Math.min(batchSize, count) * targetSize);
  for (let start = skip * batchSize; start < count; start += batchSize) {
    const size = Math.min(batchSize, count - start);
    if (size < batchSize && dropLast) {
      dropLast(size);
      return;
    }
    const inputs = allInputs.subarray(0, size * inputSize);
    const targets = allTargets.subarray(0, size * targetSize);
    for (let i = 0; i < size; i++) {
      const sample = order[start + i];
      inputs.set(data.inputs.subarray(sample * inputSize, (sample + 1) * inputSize), i * inputSize);
      targets.set(data.targets.subarray(sample * targetSize, (sample + 1) * targetSize), i * targetSize);
    }
    yield {
      inputs,
      inputShape,
      targets,
      targetShape: data.targetShape,
      hasClassTargets: data.targets instanceof Int32Array,
      count: size,
    };
  }
}

async function* batchesOfSamples(
  samples: Iterable<Sample> | AsyncIterable<Sample>,
  options: BatchOptions,
): AsyncGenerator<Batch> {
  const { batchSize, dropLast, inputShape, skip = 0 } = options;
  let pending: Sample[] = [];
  let seen = 0;
  for await (const sample of samples) {
    seen++;
    if (seen <= skip * batchSize) continue;
    pending.push(sample);
    if (pending.length < batchSize) continue;
    yield collate(pending, inputShape);
    pending = [];
  }
  if (seen === 0) {
    throw new UsageError(
      Array.isArray(samples)
        ? "the data hold no sample: pass an array of at least one"
        : "the data gave no sample: a generator can be read only once; pass an array, or a function that returns a new generator",
    );
  }
  if (pending.length === 0) return;
  if (dropLast) dropLast(pending.length);
  else yield collate(pending, inputShape);
}

function collate(samples: readonly Sample[], modelShape: BatchOptions["inputShape"]): Batch {
  samples.forEach(checkSample);
  const inputSize = samples[0].input.length;
  const first = samples[0].target;
  const targetShape = typeof first === "number" ? [] : [first.length];
  const targetSize = elementCount(targetShape);
  const inputs = new Float32Array(samples.length * inputSize);
  const targets = new Float32Array(samples.length * targetSize);
  samples.forEach(({ input, target }, i) => {
    const values = typeof target === "number" ? [target] : target;
    if (input.length !== inputSize || values.length !== targetSize) {
      throw new ShapeError(
        `samples of a batch must have one size: expected ${inputSize} inputs and ${targetSize} targets, got ${input.length} and ${values.length}`,
      );
    }
    inputs.set(input, i * inputSize);
    targets.set(values, i * targetSize);
  });
  return {
    inputs,
    inputShape: viewedShape([inputSize], modelShape),
    targets,
    targetShape,
    hasClassTargets: typeof first === "number" || first instanceof Int32Array,
    count: samples.length,
  };
}

function checkSample(sample: Partial<Sample> | undefined): void {
  const { input, target } = sample ?? {};
  const hasTarget = typeof target === "number" || (typeof target === "object" && typeof target?.length === "number");
  if (typeof input === "object" && typeof input?.length === "number" && hasTarget) return;
  throw new ShapeError(
    `a sample must be { input, target }: a list of numbers, and a number or a list; got ${typeof input} and ${typeof target}`,
  );
}

/** The model's shape of a sample where it has as many values as the data's: an image becomes a row, a row an image. */
function viewedShape(dataShape: Shape, modelShape: BatchOptions["inputShape"]): Shape {
  if (!modelShape) return dataShape;
  if (modelShape.every((size) => size !== null)) {
    if (elementCount(modelShape as Shape) === elementCount(dataShape)) return modelShape as Shape;
    const isTail = dataShape.length > modelShape.length && dataShape.at(-1) === modelShape.at(-1);
    if (isTail) return dataShape; // rows of a longer input: layers work on the last axis
  } else if (
    modelShape.length === dataShape.length &&
    modelShape.every((size, i) => size === null || size === dataShape[i])
  ) {
    return dataShape;
  }
  const wanted = `[${modelShape.map((size) => size ?? "any").join(", ")}]`;
  throw new ShapeError(`the model takes samples of shape ${wanted}, the data have ${formatShape(dataShape)}`);
}
