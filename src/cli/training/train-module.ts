/** One training, as commands run it: with a progress bar, Ctrl-C and a record of every batch. */
import type { DatasetSplit } from "../../datasets/index.ts";
import { adamW, cosine, type EpochRecord, fit, type History, type Module } from "../../nn/index.ts";
import type { Output } from "../output.ts";
import type { Recipe } from "../presets/index.ts";
import { progressDisplay } from "./progress-display.ts";

/** What a command asks of a training. */
export interface TrainingSettings {
  /** What is trained, in front of the progress bar. */
  readonly label: string;
  readonly recipe: Recipe;
  readonly seed: number;
  /** Whether notes about the data are left out, because they were shown before. */
  readonly hidesNotes?: boolean;
  /** Stops the training after the running step. */
  readonly signal?: AbortSignal;
  readonly checkpoint?: string | undefined;
  readonly resume?: string | undefined;
  readonly onEpochEnd?: (record: EpochRecord) => void;
}

/** What came out of it. */
export interface Training {
  readonly history: History;
  /** Mean loss of each batch that ran, in order. */
  readonly batchLosses: readonly number[];
  readonly seconds: number;
}

/** Trains a module in place, validating on the test split after each epoch. */
export async function trainModule(
  module: Module,
  data: DatasetSplit,
  output: Output,
  settings: TrainingSettings,
): Promise<Training> {
  const { recipe, seed, signal, checkpoint, resume, onEpochEnd } = settings;
  const { epochs, batchSize, learningRate, warmupSteps, clipNorm } = recipe;
  const started = performance.now();
  const draw = progressDisplay(settings.label, output);
  const batchLosses: number[] = [];
  let before = { batch: 0, sum: 0 };
  const history = await fit(module, data.train, {
    epochs,
    batchSize,
    seed,
    ...(signal && { signal }),
    validation: data.test,
    optimizer: adamW({ learningRate }),
    schedule: cosine({ warmupSteps }),
    ...(clipNorm !== undefined && { clipNorm }),
    ...(checkpoint !== undefined && { checkpoint: { path: checkpoint } }),
    ...(resume !== undefined && { resume }),
    progress: (event) => {
      if (event.kind !== "note" || !settings.hidesNotes) draw(event);
      if (event.kind === "epoch") before = { batch: 0, sum: 0 };
      if (event.kind !== "step") return;
      // Events tell the mean since the epoch began; the difference of two sums is the batch's own loss.
      const sum = event.loss * event.batch;
      if (event.batch === before.batch + 1) batchLosses.push(sum - before.sum);
      before = { batch: event.batch, sum };
    },
    onEpochEnd: (record) => {
      onEpochEnd?.(record);
      return undefined;
    },
  });
  return { history, batchLosses, seconds: (performance.now() - started) / 1000 };
}

/** Accuracy on the test split after the last epoch; NaN before the end of the first. */
export function testAccuracyOf({ epochs }: History): number {
  return epochs.at(-1)?.validationMetrics?.accuracy ?? Number.NaN;
}
