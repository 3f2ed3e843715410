/** Running a module over data without training it. */
import { ShapeError } from "../../core/errors.ts";
import { checkSize, elementCount } from "../../core/shape.ts";
import { checkDataset } from "../../datasets/dataset.ts";
import { type Compiled, compile, type Parameter, type Tensor, tensor, withParameters } from "../../tensor/index.ts";
import { distinctParameters } from "../distinct-parameters.ts";
import { inEvaluationMode } from "../evaluation-mode.ts";
import type { Module } from "../module.ts";
import { type Batch, batchesOf, checkTrainingData, isDataset, type TrainingData } from "./batches.ts";
import { unknownClass } from "./class-targets.ts";
import type { Loss } from "./losses.ts";
import { accuracy, type Metric } from "./metrics.ts";
import { Pauses } from "./pauses.ts";

const DEFAULT_BATCH_SIZE = 256;

/** Options of `evaluate`. */
export interface EvaluateOptions {
  loss?: Loss;
  /** Accuracy for class targets by default. */
  metrics?: readonly Metric[];
  batchSize?: number;
  signal?: AbortSignal;
}

/** Means over the data. */
export interface Evaluation {
  /** Absent where no loss was given. */
  loss?: number;
  readonly metrics: Readonly<Record<string, number>>;
}

/** A module's forward pass in evaluation mode, compiled, with its parameters as they are now. */
export class Evaluator implements Disposable {
  readonly #module: Module;
  readonly #parameters: readonly Parameter[];
  readonly #loss: Loss | undefined;
  readonly #forward: Compiled;
  #values: Tensor[] = [];

  constructor(module: Module, loss?: Loss) {
    this.#module = module;
    this.#parameters = distinctParameters(module).map(([, parameter]) => parameter);
    this.#loss = loss;
    this.#forward = compile((inputs) => {
      const values = inputs.slice(0, this.#parameters.length);
      const [x, target] = inputs.slice(this.#parameters.length);
      const { result } = withParameters(this.#parameters, values, undefined, () => module.forward(x));
      return target && loss ? [result, loss(result, target)] : [result];
    });
    this.refresh();
  }

  /** Takes the parameters over again after they changed. */
  refresh(): void {
    this.#freeValues();
    this.#values = this.#parameters.map(({ value, shape }) => tensor(value, shape));
  }

  /** Outputs of a batch, `[count, ...]`, and its mean loss (NaN without a loss). */
  async run(batch: Batch): Promise<{ outputs: Float32Array; loss: number }> {
    const inputs = [tensor(batch.inputs, [batch.count, ...batch.inputShape])];
    if (this.#loss) inputs.push(tensor(batch.targets, [batch.count, ...batch.targetShape]));
    try {
      // The mode matters while the first call of a shape is traced.
      const results = inEvaluationMode(this.#module, () => this.#forward([...this.#values, ...inputs]));
      const [outputs, loss] = await Promise.all(results.map((result) => result.data()));
      for (const result of results) result.dispose();
      return { outputs, loss: loss ? loss[0] : Number.NaN };
    } finally {
      for (const input of inputs) input.dispose();
    }
  }

  [Symbol.dispose](): void {
    this.#freeValues();
    this.#forward[Symbol.dispose]();
  }

  #freeValues(): void {
    for (const values of this.#values) values.dispose();
    this.#values = [];
  }
}

/**
 * Loss and metrics of a module over data, in evaluation mode.
 *
 * @throws ShapeError when data and module do not fit or a target is no class of the module's, UsageError when there are no samples, the reason of `signal` once it
 *   is aborted
 */
export async function evaluate(module: Module, data: TrainingData, options: EvaluateOptions = {}): Promise<Evaluation> {
  checkTrainingData("the data of evaluate", data);
  checkSize("batchSize", options.batchSize ?? DEFAULT_BATCH_SIZE);
  using evaluator = new Evaluator(module, options.loss);
  return await evaluateWith(evaluator, module, data, options);
}

/** `evaluate` with a forward pass that was compiled before. */
export async function evaluateWith(
  evaluator: Evaluator,
  module: Module,
  data: TrainingData,
  options: EvaluateOptions,
): Promise<Evaluation> {
  const { signal, batchSize = DEFAULT_BATCH_SIZE, metrics = defaultMetrics(data) } = options;
  const sums = metrics.map(() => ({ sum: 0, count: 0 }));
  const pauses = new Pauses();
  let lossSum = 0;
  let samples = 0;
  for await (const batch of batchesOf(data, 0, { batchSize, inputShape: module.inputShape })) {
    await pauses.take();
    signal?.throwIfAborted();
    const { outputs, loss } = await evaluator.run(batch);
    const reason = unknownClass(batch, outputs.length, samples);
    if (reason) throw new ShapeError(reason);
    lossSum += loss * batch.count;
    samples += batch.count;
    metrics.forEach((metric, i) => {
      const { sum, count } = metric.measure(outputs, batch.targets);
      sums[i].sum += sum;
      sums[i].count += count;
    });
  }
  return {
    ...(options.loss && { loss: lossSum / samples }),
    metrics: Object.fromEntries(metrics.map(({ name }, i) => [name, sums[i].sum / sums[i].count])),
  };
}

/**
 * Outputs of a module for many inputs, in evaluation mode: what `DeployedModel.run` is for packed models.
 *
 * @param inputs `[count, ...]`, of the module's `inputShape`
 * @returns `[count, ...]`
 * @throws ShapeError when the inputs are no whole number of samples, or nobody knows the shape of one
 */
export async function predict(
  module: Module,
  inputs: ArrayLike<number>,
  options: { batchSize?: number; inputShape?: readonly number[] } = {},
): Promise<Float32Array> {
  const { batchSize = DEFAULT_BATCH_SIZE, inputShape = module.inputShape } = options;
  checkSize("batchSize", batchSize);
  if (!isKnown(inputShape)) {
    throw new ShapeError(
      "predict needs the shape of one sample: pass { inputShape } for a module that does not know it",
    );
  }
  const values = inputs instanceof Float32Array ? inputs : Float32Array.from(inputs);
  const count = values.length / elementCount(inputShape);
  const targets = new Float32Array(Math.floor(count)); // predictions have none, datasets must
  const data = checkDataset({ name: "predict", inputs: values, inputShape, targets, targetShape: [] });
  using evaluator = new Evaluator(module);
  const pauses = new Pauses();
  let all = new Float32Array(0);
  let at = 0;
  for await (const batch of batchesOf(data, 0, { batchSize })) {
    await pauses.take();
    const { outputs } = await evaluator.run(batch);
    if (at === 0) all = new Float32Array((outputs.length / batch.count) * count);
    all.set(outputs, at);
    at += outputs.length;
  }
  return all;
}

/** Accuracy where targets are class indices, nothing else. */
export function defaultMetrics(data: TrainingData): readonly Metric[] {
  return isDataset(data) && data.targets instanceof Int32Array ? [accuracy] : [];
}

function isKnown(shape: readonly (number | null)[] | undefined): shape is readonly number[] {
  return shape?.every((size) => size !== null) ?? false;
}
