/** `bitlinear train` from its options to a saved model. */
import { rm, stat } from "node:fs/promises";
import { join, parse } from "node:path";
import { UsageError } from "../../core/errors.ts";
import { DATA_VARIABLE } from "../../datasets/index.ts";
import type { EpochRecord } from "../../nn/index.ts";
import { saveModel } from "../../runtime/model-file.ts";
import type { CommandContext } from "../commands/command.ts";
import { EXIT_CODES } from "../failure.ts";
import { interruptible } from "../interruption.ts";
import { modelMetadata } from "../model-metadata.ts";
import { shellLine, withoutOption } from "../shell-line.ts";
import { checkTargets } from "../target-files.ts";
import { printLearningCurves } from "./learning-curve.ts";
import { type Training, testAccuracyOf, trainModule } from "./train-module.ts";
import { planTraining, type TrainPlan, type TrainPlanOptions } from "./train-plan.ts";
import { printPlan, reportResult, writeTrainingReport } from "./train-texts.ts";
import { warnOfZeroLayers } from "./zero-layers.ts";

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
  await checkFiles(options, checkpoint);
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
  warnOfZeroLayers(deployed, output);
  if (options.checkpoint === undefined) await rm(checkpoint, { force: true });
  if (report !== undefined) {
    const { format } = options;
    const command = shellLine("train", typed);
    await writeTrainingReport({ plan, training, deployed, format, command }, report);
  }
  reportResult(training, deployed, { out, report }, output);
  return 0;
}

/**
 * @throws UsageError when files would overwrite each other, what is read, or the checkpoint of an earlier training,
 *   FileError when one cannot be written
 */
async function checkFiles({ out, report, data, resume, ...options }: TrainOptions, checkpoint: string): Promise<void> {
  const isGoingOn = resume !== undefined && (await isSameFile(resume, checkpoint));
  const written = { "--out": out, "--report": report };
  const read = { "--data": data ?? process.env[DATA_VARIABLE], "--resume": resume };
  await checkTargets(written, read);
  // A training may go on writing the checkpoint that it goes on from, wherever it lies.
  await checkTargets({ ...written, "--checkpoint": checkpoint }, isGoingOn ? {} : read);
  const isInTheWay = options.checkpoint === undefined && !isGoingOn && (await statusOf(checkpoint)) !== undefined;
  if (isInTheWay) {
    const advice = `go on from it with --resume ${checkpoint}, or delete it`;
    throw new UsageError(`${checkpoint} is the checkpoint of a training that did not finish: ${advice}`);
  }
}

async function isSameFile(one: string, other: string): Promise<boolean> {
  const [a, b] = [await statusOf(one), await statusOf(other)];
  return a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino;
}

/** Undefined where there is no file, or none that can be looked at: reading or writing it tells why. */
async function statusOf(path: string) {
  return await stat(path).catch(() => undefined);
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
