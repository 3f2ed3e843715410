/** Training: batches in, a trained module and its history out. */
import { UsageError } from "../../core/errors.ts";
import type { Module } from "../module.ts";
import { adamW, type Optimizer } from "../optimizers/index.ts";
import { type Batch, batchesOf, isDataset, knownSampleCount, type TrainingData } from "./batches.ts";
import { readCheckpoint, type TrainingSettings, writeCheckpoint } from "./checkpoint.ts";
import { EarlyStoppingMonitor } from "./early-stopping.ts";
import { defaultMetrics, type Evaluation, Evaluator, evaluateWith } from "./evaluate.ts";
import { checkFitOptions, type FitOptions } from "./fit-options.ts";
import type { EpochRecord, History, StopReason } from "./history.ts";
import { crossEntropy, type Loss } from "./losses.ts";
import type { Metric, MetricSum } from "./metrics.ts";
import { diverged } from "./non-finite.ts";
import { lossObjective, type Objective } from "./objective.ts";
import { Pauses } from "./pauses.ts";
import { type ProgressListener, progressBar } from "./progress.ts";
import type { Schedule } from "./schedules.ts";
import type { TrainingPosition } from "./training-position.ts";
import { TrainingState } from "./training-step.ts";

export type { CheckpointOptions, FitOptions } from "./fit-options.ts";

/** Steps at which a schedule shows, in a checkpoint, which one it is. */
const PROBED_STEPS = [0, 1, 10, 100, 1_000, 10_000];

/**
 * Trains a module in place and leaves it in evaluation mode.
 *
 * @throws DivergedError naming the step when the loss or a parameter is not finite; the module then keeps the parameters
 *   of the last complete epoch (of the best one with early stopping)
 * @throws ShapeError when data and model do not fit or an option is out of range, FileError for checkpoints, UsageError
 *   for options that do not go together
 */
export async function fit(module: Module, data: TrainingData, options: FitOptions): Promise<History> {
  checkFitOptions(module, data, options);
  return await fitTo(lossObjective(module, options.loss ?? crossEntropy), module, data, options);
}

/** `fit` with an objective of its own, for options that are checked; validation measures the module by `options.loss`. */
export async function fitTo(
  objective: Objective,
  module: Module,
  data: TrainingData,
  options: FitOptions,
): Promise<History> {
  return await new Training(objective, module, data, options).run();
}

class Training {
  readonly #objective: Objective;
  readonly #module: Module;
  readonly #data: TrainingData;
  readonly #options: FitOptions;
  readonly #optimizer: Optimizer;
  readonly #loss: Loss;
  readonly #metrics: readonly Metric[];
  /** Names of the metrics that are shown in percent. */
  readonly #shares: readonly string[];
  readonly #batchSize: number;
  /** Of an epoch; undefined where the data do not tell. */
  readonly #batches: number | undefined;
  readonly #seed: number;
  readonly #isShuffled: boolean;
  readonly #notify: ProgressListener;
  readonly #monitor: EarlyStoppingMonitor | undefined;
  readonly #pauses: Pauses = new Pauses();
  #position: TrainingPosition;
  #droppedSamples = 0;

  constructor(objective: Objective, module: Module, data: TrainingData, options: FitOptions) {
    const { batchSize = 64, stepsPerEpoch, progress = true, shuffle = true, seed = 0 } = options;
    this.#objective = objective;
    this.#module = module;
    this.#data = data;
    this.#options = options;
    this.#optimizer = options.optimizer ?? adamW();
    this.#loss = options.loss ?? crossEntropy;
    this.#metrics = options.metrics ?? defaultMetrics(data);
    this.#shares = this.#metrics.filter(({ isShare }) => isShare).map(({ name }) => name);
    const count = knownSampleCount(data);
    this.#batchSize = Math.max(1, Math.min(batchSize, count ?? batchSize));
    const available = count === undefined ? undefined : Math.floor(count / this.#batchSize);
    this.#batches = available === undefined ? stepsPerEpoch : Math.min(available, stepsPerEpoch ?? available);
    this.#seed = seed;
    this.#isShuffled = shuffle;
    this.#notify = typeof progress === "function" ? progress : progress ? progressBar() : () => {};
    this.#monitor =
      options.earlyStopping && new EarlyStoppingMonitor(options.earlyStopping, objective.trained, this.#metrics);
    this.#position = { epochs: [], batch: 0, step: 0, epochsSinceBest: 0, ...this.#emptySums() };
    if ((options.schedule || options.quantizationWarmup) && this.#batches === undefined) {
      throw new UsageError("a schedule needs to know the length of an epoch: pass stepsPerEpoch, or data with a size");
    }
    if (count !== undefined && this.#batches === available) this.#noteDropped(count % this.#batchSize);
  }

  async run(): Promise<History> {
    const { resume, checkpoint, epochs } = this.#options;
    this.#learnInputShape();
    const slots = resume === undefined ? undefined : await this.#resume(resume);
    using evaluator = this.#options.validation && new Evaluator(this.#module, this.#loss);
    using state = new TrainingState(
      {
        objective: this.#objective,
        optimizer: this.#optimizer,
        clipNorm: this.#options.clipNorm,
        seed: this.#seed,
        needsOutputs: this.#metrics.length > 0,
      },
      slots,
    );
    try {
      let stopReason: StopReason = this.#monitor?.isExhausted ? "early-stopping" : "finished";
      while (this.#position.epochs.length < epochs && stopReason === "finished") {
        this.#objective.trained.train();
        stopReason = await this.#runEpoch(state, evaluator);
        await state.sync();
        const done = this.#position.epochs.length;
        const isLast = stopReason !== "finished" || done === epochs;
        if (checkpoint && (isLast || done % (checkpoint.everyEpochs ?? 1) === 0))
          await this.#save(checkpoint.path, state);
      }
      const { epochs: records, step } = this.#position;
      return { epochs: records, stopReason, steps: step, droppedSamples: this.#droppedSamples };
    } finally {
      this.#noteStop();
      this.#monitor?.restoreBest();
      this.#objective.trained.eval();
    }
  }

  /** Trains to the end of the epoch, unless it is aborted; gives why the training has to stop, or "finished". */
  async #runEpoch(state: TrainingState, evaluator: Evaluator | undefined): Promise<StopReason> {
    const { signal, stepsPerEpoch = Number.POSITIVE_INFINITY } = this.#options;
    const started = performance.now();
    const samplesBefore = this.#position.loss.count;
    if (signal?.aborted) return "aborted";
    if (this.#position.batch < stepsPerEpoch) {
      for await (const batch of this.#batchesLeft()) {
        if (signal?.aborted) return "aborted";
        await this.#runStep(state, batch);
        this.#notifyStep(samplesBefore, started);
        await this.#pauses.take();
        if (this.#position.batch >= stepsPerEpoch) break;
      }
    }
    if (signal?.aborted) return "aborted";
    if (this.#position.batch === 0) {
      throw new UsageError(`the data do not fill one batch of ${this.#batchSize} samples: pass a smaller batchSize`);
    }
    const measured = await this.#validate(state, evaluator);
    if (measured === "aborted") return "aborted";
    return await this.#endEpoch(state, {
      epoch: this.#position.epochs.length + 1,
      ...this.#means(),
      ...(measured?.loss !== undefined && { validationLoss: measured.loss }),
      ...(measured && { validationMetrics: measured.metrics }),
      learningRate: this.#rateAt(this.#position.step - 1),
      seconds: (performance.now() - started) / 1000,
    });
  }

  #batchesLeft(): AsyncGenerator<Batch> {
    return batchesOf(this.#data, this.#position.epochs.length, {
      batchSize: this.#batchSize,
      inputShape: this.#module.inputShape,
      shuffleSeed: this.#isShuffled ? this.#seed : undefined,
      skip: this.#position.batch,
      dropLast: (count) => this.#noteDropped(count),
    });
  }

  async #runStep(state: TrainingState, batch: Batch): Promise<void> {
    const { batch: done, step, loss: sums, metrics } = this.#position;
    const learningRate = this.#rateAt(step);
    this.#module.sampleShape = batch.inputShape;
    const { loss, outputs } = await state.run(batch, step + 1, learningRate, this.#ternaryShareAt(step));
    if (!Number.isFinite(loss)) throw diverged(loss, this.#data, batch, step + 1, learningRate);
    this.#position = {
      ...this.#position,
      batch: done + 1,
      step: step + 1,
      loss: addSums(sums, { sum: loss * batch.count, count: batch.count }),
      metrics: this.#metrics.map((metric, i) => addSums(metrics[i], metric.measure(outputs, batch.targets))),
    };
  }

  async #validate(state: TrainingState, evaluator: Evaluator | undefined): Promise<Evaluation | "aborted" | undefined> {
    const { validation, signal } = this.#options;
    if (!validation || !evaluator) return undefined;
    await state.sync();
    evaluator.refresh();
    try {
      return await evaluateWith(evaluator, this.#module, validation, {
        loss: this.#loss,
        metrics: this.#metrics,
        ...(signal && { signal }),
      });
    } catch (error) {
      if (signal?.aborted && error === signal.reason) return "aborted";
      throw error;
    }
  }

  async #endEpoch(state: TrainingState, record: EpochRecord): Promise<StopReason> {
    const { epochs, step, epochsSinceBest } = this.#position;
    await state.sync();
    this.#position = { epochs: [...epochs, record], batch: 0, step, epochsSinceBest, ...this.#emptySums() };
    this.#notify({ kind: "epoch", record, epochs: this.#options.epochs, shares: this.#shares });
    this.#monitor?.observe(record);
    if ((await this.#options.onEpochEnd?.(record)) === false) return "aborted";
    return this.#monitor?.isExhausted ? "early-stopping" : "finished";
  }

  async #save(path: string, state: TrainingState): Promise<void> {
    const { value: best, epochsSince = 0, parameters: bestParameters } = this.#monitor?.best ?? {};
    await writeCheckpoint(path, this.#objective.trained, this.#optimizer, this.#settings(), {
      position: {
        ...this.#position,
        epochsSinceBest: epochsSince,
        ...(best !== undefined && { best }),
        ...(this.#module.sampleShape && { sampleShape: this.#module.sampleShape }),
      },
      slots: await state.slotValues(),
      ...(bestParameters && { bestParameters }),
    });
  }

  async #resume(path: string): Promise<readonly Float32Array[]> {
    const { position, slots, bestParameters } = await readCheckpoint(path, this.#objective.trained, this.#optimizer, {
      settings: this.#settings(),
      batches: this.#batches,
      metricCount: this.#metrics.length,
      keepsBest: this.#monitor?.options.restoreBest ?? false,
    });
    this.#position = position;
    this.#module.sampleShape = position.sampleShape;
    if (this.#monitor) {
      this.#monitor.best = {
        epochsSince: position.epochsSinceBest,
        ...(position.best !== undefined && { value: position.best }),
        ...(bestParameters && { parameters: bestParameters }),
      };
    }
    return slots;
  }

  /** What decides over the bits of the result, as far as it can be written down; functions are probed. */
  #settings(): TrainingSettings {
    const { schedule, quantizationWarmup, clipNorm } = this.#options;
    const total = this.#totalSteps();
    // A rate that depends on the length of the training differs here when the length does.
    const probe = (of: Schedule): number[] => PROBED_STEPS.map((step) => of(step, total));
    const settings = {
      seed: this.#seed,
      shuffle: this.#isShuffled,
      batchSize: this.#batchSize,
      data: isDataset(this.#data) ? this.#data.name : undefined,
      batchesPerEpoch: this.#batches,
      optimizer: this.#optimizer.id,
      ...this.#optimizer.options,
      clipNorm,
      metrics: this.#metrics.map(({ name }) => name),
      earlyStopping: this.#monitor && { ...this.#monitor.options, patience: undefined },
      schedule: schedule && probe(schedule),
      ...(quantizationWarmup && { quantizationWarmup: probe(quantizationWarmup) }), // absent from older checkpoints
      ...this.#objective.settings,
      ...this.#describeLayers(),
    };
    const texts = Object.entries(settings).map(([name, value]) => [name, JSON.stringify(value) ?? "none"]);
    return Object.fromEntries(texts);
  }

  /** What `describe()` says of each layer, its quantizer included: weights alone do not tell how they are rounded. */
  #describeLayers(): Record<string, string> {
    const layers = this.#module.namedModules().map(([path, module]) => {
      return [`layer ${path}`.trim(), `${module.constructor.name} ${module.describe()}`.trim()];
    });
    return Object.fromEntries(layers);
  }

  /** A model that does not know its input takes the shape of the data; what it learns is kept for `deploy()`. */
  #learnInputShape(): void {
    if (this.#module.inputShape === undefined && isDataset(this.#data))
      this.#module.inputShape = [...this.#data.inputShape];
  }

  #totalSteps(): number {
    return this.#options.epochs * (this.#batches ?? 0);
  }

  #rateAt(step: number): number {
    const factor = this.#options.schedule?.(step, this.#totalSteps()) ?? 1;
    if (Number.isFinite(factor) && factor >= 0) return this.#optimizer.learningRate * factor;
    throw new UsageError(`the schedule must give numbers of at least 0, got ${factor} for step ${step}`);
  }

  /** λ of the quantization warm-up. */
  #ternaryShareAt(step: number): number {
    const share = this.#options.quantizationWarmup?.(step, this.#totalSteps()) ?? 1;
    if (share >= 0 && share <= 1) return share;
    throw new UsageError(`quantizationWarmup must give numbers from 0 to 1, got ${share} for step ${step}`);
  }

  #means(): { loss: number; metrics: Record<string, number> } {
    const { loss, metrics } = this.#position;
    const means = this.#metrics.map(({ name }, i): [string, number] => [name, metrics[i].sum / metrics[i].count]);
    return { loss: loss.sum / loss.count, metrics: Object.fromEntries(means) };
  }

  #emptySums(): { loss: MetricSum; metrics: readonly MetricSum[] } {
    return { loss: { sum: 0, count: 0 }, metrics: this.#metrics.map(() => ({ sum: 0, count: 0 })) };
  }

  #notifyStep(samplesBefore: number, started: number): void {
    const { epochs, batch, loss } = this.#position;
    this.#notify({
      kind: "step",
      epoch: epochs.length + 1,
      epochs: this.#options.epochs,
      batch,
      batches: this.#batches,
      batchSize: this.#batchSize,
      shares: this.#shares,
      samplesPerSecond: (loss.count - samplesBefore) / ((performance.now() - started) / 1000),
      ...this.#means(),
    });
  }

  #noteDropped(count: number): void {
    const isNoted = this.#droppedSamples > 0;
    this.#droppedSamples = count;
    if (count === 0 || isNoted) return;
    const which = isDataset(this.#data) && this.#isShuffled ? "others each epoch" : "the last ones";
    this.#notify({
      kind: "note",
      text: `batches of ${this.#batchSize}: ${count} samples of each epoch are left out (${which})`,
    });
  }

  /** Also ends the line of a progress bar that stands in the middle of an epoch. */
  #noteStop(): void {
    const { epochs, batch } = this.#position;
    if (batch === 0) return;
    const of = this.#batches === undefined ? "" : ` of ${this.#batches}`;
    this.#notify({ kind: "note", text: `stopped in epoch ${epochs.length + 1} after batch ${batch}${of}` });
  }
}

function addSums(a: MetricSum, b: MetricSum): MetricSum {
  return { sum: a.sum + b.sum, count: a.count + b.count };
}
