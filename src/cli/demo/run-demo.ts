/** The demo from data to report. */
import { UsageError } from "../../core/errors.ts";
import type { DatasetSplit } from "../../datasets/index.ts";
import { modelFormats } from "../../formats/index.ts";
import { convertToBitLinear, type Module } from "../../nn/index.ts";
import { saveReport } from "../../report/save-report.ts";
import { trainingReport } from "../../report/training-report.ts";
import type { DeployedModel } from "../../runtime/deployed-model.ts";
import type { CommandContext } from "../commands/command.ts";
import { EXIT_CODES } from "../failure.ts";
import { interruptible } from "../interruption.ts";
import type { Output } from "../output.ts";
import { presets, type Recipe } from "../presets/index.ts";
import { shellLine } from "../shell-line.ts";
import { checkTargets } from "../target-files.ts";
import {
  compareWithTraining,
  type DeploymentMeasurement,
  type Exactness,
  measureDeployment,
} from "../training/deployment.ts";
import { printLearningCurves } from "../training/learning-curve.ts";
import { describeRecipe } from "../training/recipe-text.ts";
import { type Training, testAccuracyOf, trainModule } from "../training/train-module.ts";
import { trainingRecord } from "../training/training-session.ts";
import { warnOfZeroLayers } from "../training/zero-layers.ts";
import { type DemoDataOptions, loadDemoData } from "./demo-data.ts";
import { describeData, describeNetwork, printExactness, printGains } from "./demo-texts.ts";

/** What `bitlinear demo` takes. */
export interface DemoOptions extends DemoDataOptions {
  readonly epochs: number | undefined;
  readonly quantizer: string;
  readonly activation: string | undefined;
  readonly report: string | undefined;
  readonly noReport: boolean;
}

/** One of the two networks. */
interface Twin {
  readonly name: string;
  readonly module: Module;
  readonly training: Training;
}

/** The two networks deployed, on the same backend, and what they do on the test set. */
interface Deployment {
  readonly float: DeployedModel;
  readonly floatMeasurement: DeploymentMeasurement;
  readonly ternary: DeployedModel;
  readonly measurement: DeploymentMeasurement;
  readonly exactness: Exactness;
}

/** Where the report goes when nothing is said. */
const DEFAULT_REPORT = "report.html";

const [preset] = presets;
const [format] = modelFormats;

/** Runs the demo. @returns the exit code: 1 when deployed outputs differ that were promised to be equal */
export async function runDemo(options: DemoOptions, { output, typed }: CommandContext): Promise<number> {
  if (options.data !== undefined && options.download) {
    throw new UsageError("--data and --download both say where MNIST comes from: give one of them");
  }
  if (options.noReport && options.report !== undefined) {
    throw new UsageError("--report and --no-report contradict each other: give one of them");
  }
  const report = options.noReport ? undefined : (options.report ?? DEFAULT_REPORT);
  await checkTargets({ "--report": report }, { "--data": options.data });
  const { id, split, epochs } = await loadDemoData(options, output);
  output.print(`${output.paint("bold", "data")}     ${describeData(split)}`);

  const recipe: Recipe = { ...preset.recipe, epochs: options.epochs ?? epochs };
  const twins = await interruptible(output, (signal) => trainTwins(split, recipe, options, { output, signal }));
  const stopped = twins.find(({ training }) => training.history.stopReason === "aborted");
  if (stopped !== undefined) {
    const { name, training } = stopped;
    output.note(`stopped at step ${training.history.steps} of the ${name} network; a demo starts anew each time`);
    output.emit({ interrupted: true, network: name, step: training.history.steps });
    return EXIT_CODES.interrupted;
  }
  const [float, ternary] = twins;
  output.print(`\n${output.paint("bold", "Loss of each batch")}`);
  printLearningCurves(
    [float, ternary].map(({ name, training }) => ({ name, losses: training.batchLosses })),
    output,
  );

  output.heading("3  Deploy: pack the weights, leave the training engine behind");
  const deployment = await deployTwins(float.module, ternary.module, split);
  const { exactness, measurement, ternary: deployed } = deployment;
  warnOfZeroLayers(deployed, output);
  const exitCode = printExactness(exactness, output);
  output.print();
  printGains(
    [
      { name: float.name, model: deployment.float, measurement: deployment.floatMeasurement },
      { name: `${ternary.name}, packed`, model: deployed, measurement },
    ],
    output,
  );

  if (report !== undefined) {
    const record = await trainingRecord({
      title: "The same network, float and ternary",
      subtitle: describeData(split),
      trainings: [{ ...float, isBaseline: true }, ternary],
      module: ternary.module,
      deployed,
      format: format.id,
      test: split.test,
      measurement,
      exactness,
      command: shellLine("demo", typed),
    });
    await saveReport(report, trainingReport(record));
    output.print(`\n${output.paint("bold", "report")}   ${output.paint("cyan", report)}`);
  }
  output.emit({
    dataset: id,
    float: summaryOf(float.training),
    ternary: summaryOf(ternary.training),
    deployed: {
      accuracy: measurement.accuracy,
      bitExact: exactness.isExact,
      bytes: deployed.byteLength,
      floatBytes: deployed.floatByteLength,
      backend: deployed.backend,
    },
  });
  deployment.float.dispose();
  deployed.dispose();
  return exitCode;
}

/** Trains the float network, then, unless stopped, the ternary one from the same first weights over the same batches. */
async function trainTwins(
  data: DatasetSplit,
  recipe: Recipe,
  { seed, quantizer, activation }: DemoOptions,
  { output, signal }: { readonly output: Output; readonly signal: AbortSignal },
): Promise<Twin[]> {
  const floatModule = await preset.build(data, seed);
  const { model: ternaryModule } = convertToBitLinear(await preset.build(data, seed), {
    quantizer,
    ...(activation !== undefined && { activation }),
  });
  output.print(`${output.paint("bold", "network")}  ${describeNetwork(floatModule)}`);
  output.print(`${output.paint("bold", "recipe")}   ${describeRecipe(recipe)}`);

  const train = async (name: string, module: Module, hidesNotes: boolean): Promise<Twin> => {
    const training = await trainModule(module, data, output, { label: name, hidesNotes, recipe, seed, signal });
    return { name, module, training };
  };
  output.heading("1  Train it in float32");
  const float = await train("float32", floatModule, false);
  if (signal.aborted) return [float];
  output.heading(`2  Train it with ternary weights (${quantizer})`);
  const ternary = await train("ternary", ternaryModule, true);
  return [float, ternary];
}

async function deployTwins(floatModule: Module, ternaryModule: Module, { test }: DatasetSplit): Promise<Deployment> {
  const float = await floatModule.deploy();
  const ternary = await ternaryModule.deploy({ format: format.id });
  const floatMeasurement = await measureDeployment(float, test);
  const measurement = await measureDeployment(ternary, test);
  const exactness = await compareWithTraining(ternaryModule, ternary, test, measurement.outputs);
  return { float, floatMeasurement, ternary, measurement, exactness };
}

function summaryOf({ history, seconds }: Training): { accuracy: number; seconds: number } {
  return { accuracy: testAccuracyOf(history), seconds: Number(seconds.toFixed(2)) };
}
