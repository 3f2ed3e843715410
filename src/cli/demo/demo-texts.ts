/** What the demo says in the terminal. */
import { formatBytes, formatCount, formatDuration, formatPercent, formatRatio } from "../../core/number-format.ts";
import { type Alignment, formatTable } from "../../core/text-table.ts";
import { type DatasetSplit, sampleCount } from "../../datasets/index.ts";
import type { Module } from "../../nn/index.ts";
import type { DeployedModel } from "../../runtime/deployed-model.ts";
import { counted } from "../counted.ts";
import { EXIT_CODES } from "../failure.ts";
import type { Output } from "../output.ts";
import type { DeploymentMeasurement, Exactness } from "../training/deployment.ts";

/** A row of the table. */
export interface DeployedTwin {
  readonly name: string;
  readonly model: DeployedModel;
  readonly measurement: DeploymentMeasurement;
}

/** `synthetic digits: 10,000 images to learn from, 2,000 to measure on` */
export function describeData({ train, test }: DatasetSplit): string {
  const [name] = train.name.split(",");
  return `${name}: ${counted(sampleCount(train), "image")} to learn from, ${formatCount(sampleCount(test))} to measure on`;
}

/** `784-256-128-10 with RMS norms, 235,530 parameters` */
export function describeNetwork(module: Module): string {
  const matrices = module.namedParameters().flatMap(([, { shape }]) => (shape.length === 2 ? [shape] : []));
  const sizes = [matrices[0][1], ...matrices.map(([outFeatures]) => outFeatures)].join("-");
  const parameters = module.parameters().reduce((sum, { size }) => sum + size, 0);
  return `${sizes} with RMS norms, ${formatCount(parameters)} parameters`;
}

/**
 * Says whether the deployed model gave the bits of training, and how many values were compared.
 *
 * @returns the exit code: 1 when outputs differ that were promised to be equal
 */
export function printExactness(exactness: Exactness, output: Output): number {
  const { isPromised, isExact, comparedValues, differingValues, largestDifference } = exactness;
  const compared = formatCount(comparedValues);
  if (isExact) {
    const verdict = output.paint("green", "✓ bit-exact:");
    output.print(`${verdict} all ${compared} test outputs equal those of training in all 32 bits`);
    return 0;
  }
  const found = `${formatCount(differingValues)} of ${compared} outputs differ from those of training`;
  const largest = `largest difference ${largestDifference.toPrecision(2)}`;
  if (isPromised) {
    output.note(`${output.paintNote("red", "✗ not bit-exact:")} ${found}, ${largest}`);
    return EXIT_CODES.failed;
  }
  output.print(`not bit-exact, which float activations do not promise: ${found}, ${largest}`);
  return 0;
}

const ALIGNMENTS: readonly Alignment[] = ["left", "right", "right", "right", "right"];

/** Prints what was gained against the first row. */
export function printGains(twins: readonly DeployedTwin[], output: Output): void {
  const [baseline] = twins;
  const rows = twins.map(({ name, model, measurement }) => [
    name,
    formatPercent(measurement.accuracy, 2),
    formatBytes(model.byteLength),
    formatRatio(baseline.model.byteLength, model.byteLength),
    formatDuration(measurement.secondsPerSample),
  ]);
  const heading = ["", "accuracy", "bytes", "compression", "time per image"];
  const [head, rule, ...lines] = formatTable({ heading, alignments: ALIGNMENTS, rows }).split("\n");
  output.print(`${output.paint("dim", `${head}\n${rule}`)}\n${lines.join("\n")}`);
  output.print(output.paint("dim", `measured on the test set, run by the ${baseline.model.backend} backend`));
}
