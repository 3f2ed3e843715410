/** Running a module over data without training it. */
import { ShapeError } from "../core/errors.ts";
import { elementCount } from "../core/shape.ts";
import { type Compiled, compile, type Tensor, tensor, withParameters } from "../tensor/index.ts";
import { type Batch, batchesOf, isDataset, type TrainingData } from "./batches.ts";
import type { Loss } from "./losses.ts";
import { accuracy, type Metric } from "./metrics.ts";
import type { Module } from "./module.ts";

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
  readonly #loss: Loss | undefined;
  readonly #forward: Compiled;
  #parameters: Tensor[] = [];

  constructor(module: Module, loss?: Loss) {
    this.#module = module;
    this.#loss = loss;
    const parameters = module.namedParameters().map(([, parameter]) => parameter);
    this.#forward = compile((inputs) => {
      const [x, target] = inputs.slice(parameters.length);
      const bound = inputs.slice(0, parameters.length);
      const { result } = withParameters(parameters, bound, undefined, () => module.forward(x));
      return target && loss ? [result, loss(result, target)] : [result];
    });
    this.refresh();
  }

  /** Takes the parameters over again after they changed. */
  refresh(): void {
    this[Symbol.dispose]();
    this.#parameters = this.#module.namedParameters().map(([, { value, shape }]) => tensor(value, shape));
  }

  /** Outputs of a batch, `[count, ...]`, and its mean loss (NaN without a loss). */
  async run(batch: Batch): Promise<{ outputs: Float32Array; loss: number }> {
    const modes = this.#module.namedModules().map(([, module]): [Module, boolean] => [module, module.isTraining]);
    const inputs = [tensor(batch.inputs, [batch.count, ...batch.inputShape])];
    if (this.#loss) inputs.push(tensor(batch.targets, [batch.count, ...batch.targetShape]));
    this.#module.eval(); // the mode matters while the first call of a shape is traced
    try {
      const results = this.#forward([...this.#parameters, ...inputs]);
      const [outputs, loss] = await Promise.all(results.map((result) => result.data()));
      for (const result of results) result.dispose();
      return { outputs, loss: loss ? loss[0] : Number.NaN };
    } finally {
      for (const [module, isTraining] of modes) module.isTraining = isTraining;
      for (const input of inputs) input.dispose();
    }
  }

  [Symbol.dispose](): void {
    for (const parameter of this.#parameters) parameter.dispose();
    this.#parameters = [];
  }
}

/** Loss and metrics of a module over data, in evaluation mode. */
export async function evaluate(module: Module, data: TrainingData, options: EvaluateOptions = {}): Promise<Evaluation> {
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
  const metrics = options.metrics ?? defaultMetrics(data);
  const sums = metrics.map(() => ({ sum: 0, count: 0 }));
  let lossSum = 0;
  let samples = 0;
  const batchOptions = { batchSize: options.batchSize ?? 256, inputShape: module.inputShape, dropLast: false };
  for await (const batch of batchesOf(data, 0, batchOptions)) {
    options.signal?.throwIfAborted();
    const { outputs, loss } = await evaluator.run(batch);
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
 */
export async function predict(
  module: Module,
  inputs: Float32Array,
  options: { batchSize?: number; inputShape?: readonly number[] } = {},
): Promise<Float32Array> {
  using evaluator = new Evaluator(module);
  const inputShape = options.inputShape ?? (module.inputShape as readonly number[] | undefined);
  if (!inputShape || inputShape.includes(null as never)) throw unknownInputShape();
  const data = {
    name: "inputs",
    inputs,
    inputShape,
    targets: new Float32Array(inputs.length / elementCount(inputShape)),
    targetShape: [],
  };
  const parts: Float32Array[] = [];
  for await (const batch of batchesOf(data, 0, { batchSize: options.batchSize ?? 256, dropLast: false })) {
    parts.push((await evaluator.run(batch)).outputs);
  }
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Accuracy where targets are class indices, nothing else. */
export function defaultMetrics(data: TrainingData): readonly Metric[] {
  return isDataset(data) && data.targets instanceof Int32Array ? [accuracy] : [];
}

function unknownInputShape(): ShapeError {
  return new ShapeError(
    "predict needs the shape of one sample: pass { inputShape } for a module that does not know it",
  );
}
