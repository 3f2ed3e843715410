/** `bitlinear train` from its options to a saved model. */
import { rm } from "node:fs/promises";
import { join, parse, resolve } from "node:path";
import { UsageError } from "../../core/errors.ts";
import type { EpochRecord } from "../../nn/index.ts";
import { saveModel } from "../../runtime/model-file.ts";
import type { CommandContext } from "../commands/command.ts";
import { EXIT_CODES } from "../failure.ts";
import { interruptible } from "../interruption.ts";
import { modelMetadata } from "../model-metadata.ts";
import { shellLine, withoutOption } from "../shell-line.ts";
import { checkTargets } from "../target-folders.ts";
import { printLearningCurves } from "./learning-curve.ts";
import { type Training, testAccuracyOf, trainModule } from "./train-module.ts";
import { planTraining, type TrainPlan, type TrainPlanOptions } from "./train-plan.ts";
import { printPlan, reportResult, writeTrainingReport } from "./train-texts.ts";

/** What `bitlinear train` takes. */
export interface TrainOptions extends TrainPlanOptions {
  readonly format: string;
  readonly out: string;
  readonly checkpoint: string | undefined;
  readonly resume: string | undefined;
  readonly report: string | undefined;
}

/** Trains, deploys and saves. @returns the exit code: 130 when Ctrl-C stopped it */
export async function runTrain(options: TrainOptions, { output, typed }: CommandContext): Promise<number> {
  const { out, resume, report, seed } = options;
  const checkpoint = options.checkpoint ?? checkpointBeside(out);
  await checkFiles([out, checkpoint, report]);
  const plan = await planTraining(options);
  printPlan(plan, output);
  const label = plan.quantizer === undefined ? "float32" : "ternary";
  const onEpochEnd = (record: EpochRecord) => output.emit(epochLine(record));
  const { data, module, recipe } = plan;
  const training = await interruptible(output, (signal) =>
    trainModule(module, data, output, { label, recipe, seed, signal, checkpoint, resume, onEpochEnd }),
  );
  if (training.history.stopReason === "aborted") {
    const command = shellLine("train", [...withoutOption(typed, "--resume"), "--resume", checkpoint]);
    output.note(`stopped at step ${training.history.steps}; to go on:\n  ${command}`);
    output.emit({ interrupted: true, step: training.history.steps, checkpoint, command });
    return EXIT_CODES.interrupted;
  }
  output.print();
  printLearningCurves([{ name: "loss of each batch", losses: training.batchLosses }], output);

  using deployed = await module.deploy({ format: options.format });
  await saveModel(deployed, out, { metadata: metadataOf(plan, training, seed) });
  const isOwn = options.checkpoint === undefined && (resume === undefined || resolve(resume) !== resolve(checkpoint));
  if (isOwn) await rm(checkpoint, { force: true });
  if (report !== undefined) {
    const { format } = options;
    const command = shellLine("train", typed);
    await writeTrainingReport({ plan, training, deployed, format, command }, report);
  }
  reportResult(training, deployed, { out, report }, output);
  return 0;
}

/** @throws UsageError when two of the files are one, FileError when one cannot be written */
async function checkFiles(paths: readonly (string | undefined)[]): Promise<void> {
  const files = paths.flatMap((path) => (path === undefined ? [] : [resolve(path)]));
  if (new Set(files).size < files.length) {
    throw new UsageError("--out, --checkpoint and --report must be different files");
  }
  await checkTargets(paths);
}

/** `model.safetensors` gives `model.checkpoint.safetensors`. */
function checkpointBeside(out: string): string {
  const { dir, name } = parse(out);
  return join(dir, `${name}.checkpoint.safetensors`);
}

function epochLine({ epoch, loss, metrics, validationLoss, validationMetrics, seconds }: EpochRecord) {
  const accuracy = metrics.accuracy;
  return { epoch, loss, accuracy, validationLoss, validationAccuracy: validationMetrics?.accuracy, seconds };
}

/** How the model came about; without times, so that equal trainings give equal files. */
function metadataOf(plan: TrainPlan, { history }: Training, seed: number): Record<string, string> {
  const { preset, source, data, recipe, quantizer } = plan;
  const { epochs, batchSize, learningRate } = recipe;
  return modelMetadata(data.train.classes, {
    preset: preset.id,
    dataset: source.id,
    ...{ quantizer, epochs, batchSize, learningRate, seed },
    testAccuracy: testAccuracyOf(history),
  });
}
