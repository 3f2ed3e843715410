/** Batches of one shape from arrays, iterables and async iterables. */
import { ShapeError, UnsupportedError } from "../core/errors.ts";
import { deriveSeed, RandomSource } from "../core/random.ts";
import { elementCount, formatShape, type Shape } from "../core/shape.ts";
import { checkDataset, type Dataset, sampleCount } from "../datasets/dataset.ts";

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

/** Samples that go through the model together. */
export interface Batch {
  /** `[count, ...inputShape]` */
  readonly inputs: Float32Array;
  readonly inputShape: Shape;
  /** `[count, ...targetShape]`, class indices as numbers */
  readonly targets: Float32Array;
  readonly targetShape: Shape;
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
  /** Whether samples that do not fill a last batch are left out. */
  dropLast: boolean;
}

/** Whether data are in memory, so that their size is known and they can be shuffled. */
export function isDataset(data: TrainingData): data is Dataset {
  return typeof data === "object" && "inputs" in data && "targets" in data;
}

/** Batches of one epoch; undefined where the data do not tell their size. */
export function batchesPerEpoch(data: TrainingData, batchSize: number, dropLast: boolean): number | undefined {
  const count = isDataset(data) ? sampleCount(data) : Array.isArray(data) ? data.length : undefined;
  if (count === undefined) return undefined;
  return dropLast ? Math.floor(count / batchSize) : Math.ceil(count / batchSize);
}

/** The batches of one epoch. @throws ShapeError when samples do not fit each other or the model */
export async function* batchesOf(data: TrainingData, epoch: number, options: BatchOptions): AsyncGenerator<Batch> {
  if (isDataset(data)) yield* batchesOfDataset(data, epoch, options);
  else yield* batchesOfSamples(typeof data === "function" ? data(epoch) : data, epoch, options);
}

function* batchesOfDataset(data: Dataset, epoch: number, options: BatchOptions): Generator<Batch> {
  checkDataset(data);
  const { batchSize, dropLast, skip = 0 } = options;
  const count = sampleCount(data);
  const inputShape = viewedShape(data.inputShape, options.inputShape);
  const inputSize = elementCount(data.inputShape);
  const targetSize = elementCount(data.targetShape);
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  if (options.shuffleSeed !== undefined) new RandomSource(deriveSeed(options.shuffleSeed, epoch)).shuffle(order);
  for (let start = skip * batchSize; start < count; start += batchSize) {
    const size = Math.min(batchSize, count - start);
    if (size < batchSize && dropLast) return;
    const inputs = new Float32Array(size * inputSize);
    const targets = new Float32Array(size * targetSize);
    for (let i = 0; i < size; i++) {
      const sample = order[start + i];
      inputs.set(data.inputs.subarray(sample * inputSize, (sample + 1) * inputSize), i * inputSize);
      targets.set(data.targets.subarray(sample * targetSize, (sample + 1) * targetSize), i * targetSize);
    }
    yield { inputs, inputShape, targets, targetShape: data.targetShape, count: size };
  }
}

async function* batchesOfSamples(
  samples: Iterable<Sample> | AsyncIterable<Sample>,
  epoch: number,
  options: BatchOptions,
): AsyncGenerator<Batch> {
  let pending: Sample[] = [];
  let seen = 0;
  let skipped = 0;
  const skip = (options.skip ?? 0) * options.batchSize;
  for await (const sample of samples) {
    seen++;
    if (skipped < skip) {
      skipped++;
      continue;
    }
    pending.push(sample);
    if (pending.length === options.batchSize) {
      yield collate(pending, options.inputShape);
      pending = [];
    }
  }
  if (pending.length > 0 && !options.dropLast) yield collate(pending, options.inputShape);
  if (seen === 0) {
    throw new UnsupportedError(
      `the data gave no sample in epoch ${epoch}: a generator lasts for one epoch; pass an array, or a function that returns a new iterable`,
    );
  }
}

function collate(samples: readonly Sample[], modelShape: BatchOptions["inputShape"]): Batch {
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
  return { inputs, inputShape: viewedShape([inputSize], modelShape), targets, targetShape, count: samples.length };
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
