/** Training: batches in, a trained module and its history out. */
import { DivergedError, UsageError } from "../core/errors.ts";
import { checkSize } from "../core/shape.ts";
import { sampleCount } from "../datasets/dataset.ts";
import { type Batch, batchesOf, batchesPerEpoch, isDataset, type TrainingData } from "./batches.ts";
import {
  type Checkpoint,
  readCheckpoint,
  type TrainingIdentity,
  type TrainingPosition,
  writeCheckpoint,
} from "./checkpoint.ts";
import { type EarlyStopping, EarlyStoppingMonitor } from "./early-stopping.ts";
import { defaultMetrics, Evaluator, evaluateWith } from "./evaluate.ts";
import type { EpochRecord, History, StopReason } from "./history.ts";
import { crossEntropy, type Loss } from "./losses.ts";
import type { Metric } from "./metrics.ts";
import type { Module } from "./module.ts";
import { adamW, type Optimizer } from "./optimizers/index.ts";
import { type ProgressListener, progressBar } from "./progress.ts";
import type { Schedule } from "./schedules.ts";
import { TrainingState } from "./training-step.ts";

/** Where checkpoints go. */
export interface CheckpointOptions {
  /** A file; it always holds the latest state, written atomically. */
  path: string;
  /** Epochs between two of them; 1 by default. An aborted training writes one in any case. */
  everyEpochs?: number;
}

/** Options of `fit`. */
export interface FitOptions {
  epochs: number;
  /** 64 by default; a dataset smaller than a batch is one batch. */
  batchSize?: number;
  /** AdamW with a learning rate of 1e-3 by default. */
  optimizer?: Optimizer;
  /** Cross-entropy by default. */
  loss?: Loss;
  /** Factor of the learning rate by step; constant by default. */
  schedule?: Schedule;
  /** Batches of an epoch; needed by schedules when the data do not tell their size. */
  stepsPerEpoch?: number;
  /** Largest norm of all gradients together. */
  clipNorm?: number;
  validation?: TrainingData;
  /** Accuracy for class targets by default. */
  metrics?: readonly Metric[];
  /** Order of samples and dropout; 0 by default. */
  seed?: number;
  /** Whether datasets are shuffled each epoch; true by default. Iterables keep their order. */
  shuffle?: boolean;
  /** False is silent; true (the default) draws on the standard error stream; a function gets the events. */
  progress?: boolean | ProgressListener;
  /** Called after each epoch with the parameters up to date on the host; returning false stops the training. */
  onEpochEnd?: (record: EpochRecord) => undefined | boolean | Promise<undefined | boolean>;
  earlyStopping?: EarlyStopping;
  /** Stops after the step that runs: the history says "aborted" and a checkpoint, if any, is written. */
  signal?: AbortSignal;
  checkpoint?: CheckpointOptions;
  /** A checkpoint to go on from; the result has the same bits as a training that never stopped. */
  resume?: string;
}

/**
 * Trains a module in place and leaves it in evaluation mode.
 *
 * @throws DivergedError naming the step when the loss is not finite; the module then keeps the parameters of the last
 *   complete epoch
 * @throws ShapeError when data and model do not fit, FileError for checkpoints, UsageError for options
 */
export async function fit(module: Module, data: TrainingData, options: FitOptions): Promise<History> {
  return await new Training(module, data, options).run();
}

class Training {
  readonly #module: Module;
  readonly #data: TrainingData;
  readonly #options: FitOptions;
  readonly #optimizer: Optimizer;
  readonly #loss: Loss;
  readonly #metrics: readonly Metric[];
  readonly #batchSize: number;
  readonly #batches: number | undefined;
  readonly #seed: number;
  readonly #notify: ProgressListener;
  readonly #monitor: EarlyStoppingMonitor | undefined;
  #position: TrainingPosition;

  constructor(module: Module, data: TrainingData, options: FitOptions) {
    checkSize("epochs", options.epochs);
    checkSize("batchSize", options.batchSize ?? 64);
    const { epochs, progress = true, seed = 0 } = options;
    this.#module = module;
    this.#data = data;
    this.#options = options;
    this.#optimizer = options.optimizer ?? adamW();
    this.#loss = options.loss ?? crossEntropy;
    this.#metrics = options.metrics ?? defaultMetrics(data);
    const wanted = options.batchSize ?? 64;
    this.#batchSize = isDataset(data) ? Math.min(wanted, sampleCount(data)) : wanted;
    this.#batches = options.stepsPerEpoch ?? batchesPerEpoch(data, this.#batchSize, true);
    this.#seed = seed;
    this.#notify = typeof progress === "function" ? progress : progress ? progressBar() : () => {};
    this.#monitor = options.earlyStopping && new EarlyStoppingMonitor(options.earlyStopping, module);
    this.#position = { epoch: 0, batch: 0, step: 0, epochs: [], epochsSinceBest: 0, ...this.#emptySums() };
    if (options.schedule && this.#batches === undefined) {
      throw new UsageError("a schedule needs to know the length of an epoch: pass stepsPerEpoch, or data with a size");
    }
    if (options.earlyStopping && options.validation === undefined) {
      throw new UsageError(`earlyStopping watches the validation data: pass validation (of ${epochs} epochs at most)`);
    }
  }

  async run(): Promise<History> {
    const { resume, checkpoint, epochs } = this.#options;
    this.#module.train();
    this.#learnInputShape();
    let slots: readonly Float32Array[] | undefined;
    if (resume !== undefined) slots = await this.#resume(resume);
    this.#noteDropped();
    using evaluator = this.#options.validation && new Evaluator(this.#module, this.#loss);
    using state = new TrainingState(
      this.#module,
      { loss: this.#loss, optimizer: this.#optimizer, clipNorm: this.#options.clipNorm, seed: this.#seed },
      slots,
    );
    try {
      let stopReason: StopReason = this.#monitor?.isExhausted ? "early-stopping" : "finished";
      while (this.#position.epoch < epochs && stopReason === "finished") {
        stopReason = await this.#runEpoch(state, evaluator);
        await state.sync();
        const isLast = stopReason !== "finished" || this.#position.epoch === epochs;
        const isDue = this.#position.epoch % (checkpoint?.everyEpochs ?? 1) === 0;
        if (checkpoint && (isLast || isDue)) await this.#save(checkpoint.path, state);
      }
      const { epochs: records, step } = this.#position;
      return { epochs: records, stopReason, steps: step, droppedSamples: this.#droppedSamples() };
    } finally {
      this.#monitor?.restoreBest();
      this.#module.eval();
    }
  }

  /** Trains to the end of the epoch, unless it is aborted; gives why the training has to stop, or "finished". */
  async #runEpoch(state: TrainingState, evaluator: Evaluator | undefined): Promise<StopReason> {
    const { signal, epochs, validation } = this.#options;
    const started = performance.now();
    const before = this.#position.sampleCount;
    let learningRate = this.#optimizer.learningRate;
    const batchOptions = {
      batchSize: this.#batchSize,
      inputShape: this.#module.inputShape,
      shuffleSeed: (this.#options.shuffle ?? true) ? this.#seed : undefined,
      skip: this.#position.batch,
      dropLast: true,
    };
    for await (const batch of batchesOf(this.#data, this.#position.epoch, batchOptions)) {
      if (signal?.aborted) return "aborted";
      learningRate = this.#rateAt(this.#position.step);
      await this.#runStep(state, batch, learningRate);
      const seconds = (performance.now() - started) / 1000;
      const { epoch, batch: done, sampleCount: samples } = this.#position;
      this.#notify({
        kind: "step",
        epoch: epoch + 1,
        epochs,
        batch: done,
        batches: this.#batches,
        batchSize: this.#batchSize,
        samplesPerSecond: (samples - before) / seconds,
        ...this.#means(),
      });
      if (this.#options.stepsPerEpoch !== undefined && done >= this.#options.stepsPerEpoch) break;
    }
    if (signal?.aborted) return "aborted";
    if (this.#position.sampleCount === 0) {
      throw new UsageError(`the data do not fill one batch of ${this.#batchSize} samples: pass a smaller batchSize`);
    }
    let record: EpochRecord = { epoch: this.#position.epoch + 1, ...this.#means(), learningRate, seconds: 0 };
    if (validation && evaluator) {
      await state.sync();
      evaluator.refresh();
      const measured = await evaluateWith(evaluator, this.#module, validation, {
        loss: this.#loss,
        metrics: this.#metrics,
      });
      record = {
        ...record,
        ...(measured.loss !== undefined && { validationLoss: measured.loss }),
        validationMetrics: measured.metrics,
      };
    }
    record = { ...record, seconds: (performance.now() - started) / 1000 };
    return await this.#endEpoch(state, record);
  }

  async #runStep(state: TrainingState, batch: Batch, learningRate: number): Promise<void> {
    this.#module.sampleShape = batch.inputShape;
    const { loss, outputs } = await state.run(batch, this.#position.step + 1, learningRate);
    if (!Number.isFinite(loss)) throw diverged(loss, this.#position.step + 1, learningRate);
    const measured = this.#metrics.map((metric) => metric.measure(outputs, batch.targets));
    const { metricSums, ...position } = this.#position;
    this.#position = {
      ...position,
      batch: position.batch + 1,
      step: position.step + 1,
      lossSum: position.lossSum + loss * batch.count,
      sampleCount: position.sampleCount + batch.count,
      metricSums: metricSums.map(([sum, count], i) => [sum + measured[i].sum, count + measured[i].count]),
    };
  }

  async #endEpoch(state: TrainingState, record: EpochRecord): Promise<StopReason> {
    const { epoch, step, epochs } = this.#position;
    this.#position = {
      ...this.#position,
      epoch: epoch + 1,
      batch: 0,
      step,
      epochs: [...epochs, record],
      ...this.#emptySums(),
    };
    this.#notify({ kind: "epoch", record, epochs: this.#options.epochs });
    if (this.#monitor) {
      await state.sync();
      this.#monitor.observe(record);
    }
    if (this.#options.onEpochEnd) {
      await state.sync();
      if ((await this.#options.onEpochEnd(record)) === false) return "aborted";
    }
    return this.#monitor?.isExhausted ? "early-stopping" : "finished";
  }

  async #save(path: string, state: TrainingState): Promise<void> {
    const best = this.#monitor?.snapshot();
    const checkpoint: Checkpoint = {
      identity: this.#identity(),
      position: {
        ...this.#position,
        epochsSinceBest: best?.epochsSinceBest ?? 0,
        ...(best?.value !== undefined && { best: best.value }),
      },
      slots: await state.slotValues(),
      ...(best?.state && { bestState: best.state }),
    };
    await writeCheckpoint(path, this.#module, this.#optimizer, checkpoint);
  }

  async #resume(path: string): Promise<readonly Float32Array[]> {
    const checkpoint = await readCheckpoint(path, this.#module, this.#optimizer, this.#identity());
    this.#position = checkpoint.position;
    this.#monitor?.resume(checkpoint.position, checkpoint.bestState);
    return checkpoint.slots;
  }

  #identity(): TrainingIdentity {
    return {
      seed: this.#seed,
      batchSize: this.#batchSize,
      isShuffled: this.#options.shuffle ?? true,
      optimizer: this.#optimizer.id,
      optimizerOptions: this.#optimizer.options,
    };
  }

  /** A model that does not know its input takes the shape of the data; what it learns is kept for `deploy()`. */
  #learnInputShape(): void {
    if (this.#module.inputShape === undefined && isDataset(this.#data))
      this.#module.inputShape = [...this.#data.inputShape];
  }

  #rateAt(step: number): number {
    const { schedule, epochs } = this.#options;
    const factor = schedule ? schedule(step, epochs * (this.#batches ?? 0)) : 1;
    return this.#optimizer.learningRate * factor;
  }

  #means(): { loss: number; metrics: Record<string, number> } {
    const { lossSum, sampleCount: samples, metricSums } = this.#position;
    const metrics = this.#metrics.map(({ name }, i): [string, number] => [name, metricSums[i][0] / metricSums[i][1]]);
    return { loss: lossSum / samples, metrics: Object.fromEntries(metrics) };
  }

  #emptySums(): { lossSum: number; sampleCount: number; metricSums: readonly [number, number][] } {
    return { lossSum: 0, sampleCount: 0, metricSums: this.#metrics.map(() => [0, 0]) };
  }

  #droppedSamples(): number {
    return isDataset(this.#data) ? sampleCount(this.#data) % this.#batchSize : 0;
  }

  #noteDropped(): void {
    const dropped = this.#droppedSamples();
    if (dropped === 0) return;
    const which = (this.#options.shuffle ?? true) ? "others each epoch" : "the last ones";
    this.#notify({
      kind: "note",
      text: `batches of ${this.#batchSize}: ${dropped} samples of each epoch are left out (${which})`,
    });
  }
}

function diverged(loss: number, step: number, learningRate: number): DivergedError {
  return new DivergedError(
    `the loss became ${loss} at step ${step} (learning rate ${learningRate}). Try a smaller learning rate, clipNorm: 1, a warm-up schedule, a norm before each ternary layer, and look for NaN or very large values in the inputs`,
    step,
  );
}
