/** What a training can be asked for. */
import { ShapeError, UsageError } from "../../core/errors.ts";
import { checkSize } from "../../core/shape.ts";
import type { Module } from "../module.ts";
import type { Optimizer } from "../optimizers/index.ts";
import { checkTrainingData, type TrainingData } from "./batches.ts";
import type { EarlyStopping } from "./early-stopping.ts";
import type { EpochRecord } from "./history.ts";
import type { Loss } from "./losses.ts";
import type { Metric } from "./metrics.ts";
import type { ProgressListener } from "./progress.ts";
import type { Schedule } from "./schedules.ts";

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
  /** 64 by default; data in memory that are smaller than a batch are one batch. */
  batchSize?: number;
  /** AdamW with a learning rate of 1e-3 by default. */
  optimizer?: Optimizer;
  /** Cross-entropy by default. */
  loss?: Loss;
  /** Factor of the learning rate by step; constant by default. */
  schedule?: Schedule;
  /**
   * Share λ of the ternary weights in ternary layers by step, from 0 (float weights) to 1 (ternary ones, as deployed); 1
   * throughout by default. `warmup({ warmupSteps })` rises linearly, so that a float model that was converted becomes
   * ternary step by step instead of at once: W_λ = (1 - λ) · W + λ · trit · scale, for whatever quantizer. Validation
   * measures the ternary model at every λ.
   */
  quantizationWarmup?: Schedule;
  /** Most batches of an epoch; schedules need it when the data do not tell their size. */
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
 * Checks options at the public edge.
 *
 * @throws ShapeError for one that is out of range, UsageError for those that do not go together
 */
export function checkFitOptions(module: Module, data: TrainingData, options: FitOptions): void {
  const { epochs, batchSize, stepsPerEpoch, clipNorm, validation, seed = 0, checkpoint, earlyStopping } = options;
  checkSize("epochs", epochs);
  if (batchSize !== undefined) checkSize("batchSize", batchSize);
  if (stepsPerEpoch !== undefined) checkSize("stepsPerEpoch", stepsPerEpoch);
  if (checkpoint?.everyEpochs !== undefined) checkSize("everyEpochs", checkpoint.everyEpochs);
  if (!Number.isSafeInteger(seed)) throw new ShapeError(`seed must be a whole number, got ${seed}`);
  if (clipNorm !== undefined && !(clipNorm > 0 && Number.isFinite(clipNorm))) {
    throw new ShapeError(`clipNorm must be a positive number, got ${clipNorm}`);
  }
  checkTrainingData("the training data", data);
  if (validation !== undefined) checkTrainingData("the validation data", validation);
  if (earlyStopping && validation === undefined) {
    throw new UsageError("earlyStopping watches the validation data: pass validation");
  }
  if (module.parameters().length === 0) throw new UsageError("this module has no parameters to train");
}
