/** What `bitlinear train` says, in the terminal and in its report. */
import { formatBytes, formatCount, formatPercent, formatRatio } from "../../core/number-format.ts";
import { sampleCount } from "../../datasets/index.ts";
import { saveReport } from "../../report/save-report.ts";
import { trainingReport } from "../../report/training-report.ts";
import type { DeployedModel } from "../../runtime/deployed-model.ts";
import { counted } from "../counted.ts";
import type { Output } from "../output.ts";
import { compareWithTraining, measureDeployment } from "./deployment.ts";
import { describeRecipe } from "./recipe-text.ts";
import { type Training, testAccuracyOf } from "./train-module.ts";
import type { TrainPlan } from "./train-plan.ts";
import { trainingRecord } from "./training-session.ts";

/** A finished training with the model that came out of it. */
export interface TrainOutcome {
  readonly plan: TrainPlan;
  readonly training: Training;
  readonly deployed: DeployedModel;
  readonly format: string;
  /** What to type to do it again. */
  readonly command: string;
}

/** Prints what is going to be trained. */
export function printPlan(plan: TrainPlan, output: Output): void {
  const { preset, module, recipe } = plan;
  const parameters = module.parameters().reduce((sum, { size }) => sum + size, 0);
  output.print(`${output.paint("bold", "data")}     ${describeData(plan)}`);
  const network = `${preset.id}, ${describeWeights(plan)}, ${formatCount(parameters)} parameters`;
  output.print(`${output.paint("bold", "network")}  ${network}`);
  output.print(`${output.paint("bold", "recipe")}   ${describeRecipe(recipe)}\n`);
}

/** Runs the deployed model on the whole test set and writes what was found. */
export async function writeTrainingReport(outcome: TrainOutcome, path: string): Promise<void> {
  const { plan, training, deployed, format, command } = outcome;
  const { test } = plan.data;
  const measurement = await measureDeployment(deployed, test);
  const exactness = await compareWithTraining(plan.module, deployed, test, measurement.outputs);
  const record = await trainingRecord({
    title: `${plan.preset.id}, ${describeWeights(plan)}`,
    subtitle: describeData(plan),
    trainings: [{ name: describeWeights(plan), training }],
    module: plan.module,
    ...{ deployed, format, test, measurement, exactness, command },
  });
  await saveReport(path, trainingReport(record));
}

/** Says what was saved and how good it is. */
export function reportResult(
  training: Training,
  deployed: DeployedModel,
  files: { readonly out: string; readonly report: string | undefined },
  output: Output,
): void {
  const { byteLength, floatByteLength } = deployed;
  const accuracy = testAccuracyOf(training.history);
  const size = `${formatBytes(byteLength)}, ${formatRatio(floatByteLength, byteLength)} smaller than float32`;
  output.print(`\n${output.paint("bold", "accuracy")} ${formatPercent(accuracy, 2)} on the test set`);
  output.print(`${output.paint("bold", "model")}    ${output.paint("cyan", files.out)} (${size})`);
  if (files.report !== undefined)
    output.print(`${output.paint("bold", "report")}   ${output.paint("cyan", files.report)}`);
  output.emit({
    model: files.out,
    report: files.report,
    accuracy,
    seconds: Number(training.seconds.toFixed(2)),
    bytes: byteLength,
    floatBytes: floatByteLength,
  });
}

function describeData({ data: { train, test } }: TrainPlan): string {
  const [name] = train.name.split(",");
  return `${name}: ${counted(sampleCount(train), "sample")} to learn from, ${formatCount(sampleCount(test))} to measure on`;
}

function describeWeights({ quantizer }: TrainPlan): string {
  return quantizer === undefined ? "float32" : `ternary (${quantizer})`;
}
