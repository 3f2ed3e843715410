/** Predictions as lines, for a person or a machine. */
import { formatCount } from "../../core/number-format.ts";
import { elementCount, type Shape } from "../../core/shape.ts";
import { type Alignment, formatTable } from "../../core/text-table.ts";
import { counted } from "../counted.ts";
import type { Output } from "../output.ts";
import { likeliestClasses, type ScoredClass } from "./predictions.ts";

/** Outputs of many samples. */
export interface ModelOutputs {
  readonly count: number;
  /** Of one sample; its last axis counts the classes of a classifier. */
  readonly sampleShape: Shape;
  /** `[count, ...sampleShape]`, row-major */
  readonly values: Float32Array;
}

/** Which predictions are shown. */
export interface ClassLineOptions {
  /** Classes of each sample. */
  readonly top: number;
  /** Samples, from the first. */
  readonly shown: number;
}

const MOST_VALUES = 10;

/** What a machine reads of a sample without probabilities. */
const NO_CLASS = { index: null, class: null, score: null } as const;

/** The likeliest classes of each sample; of a sequence, those at its last position. */
export function printClasses(
  { sampleShape, values }: ModelOutputs,
  names: readonly string[] | undefined,
  { top, shown }: ClassLineOptions,
  output: Output,
): void {
  const size = elementCount(sampleShape);
  const classCount = sampleShape.at(-1) ?? 1;
  const columns = Math.min(top, classCount);
  const rows: string[][] = [];
  for (let sample = 0; sample < shown; sample++) {
    const end = (sample + 1) * size;
    const classes = likeliestClasses(values.subarray(end - classCount, end), top, names);
    output.emit({ sample, ...(classes[0] ?? NO_CLASS), top: classes });
    const cells = classes.length === 0 ? ["(no class)", ""] : classes.flatMap(cellsOf);
    rows.push([String(sample), ...cells, ...new Array<string>(2 * columns - cells.length).fill("")]);
  }
  if (output.isJson) return;
  const heading = ["sample", "class", "score", ...new Array<string>(2 * (columns - 1)).fill("")];
  const alignments: Alignment[] = heading.map((_, column) => (column % 2 === 1 ? "left" : "right"));
  const [head, rule, ...lines] = formatTable({ heading, alignments, rows }).split("\n");
  output.print(`${output.paint("dim", `${head}\n${rule}`)}\n${lines.join("\n")}`);
}

/** The outputs of each sample as they are. */
export function printValues({ sampleShape, values }: ModelOutputs, shown: number, output: Output): void {
  const size = elementCount(sampleShape);
  for (let sample = 0; sample < shown; sample++) {
    const own = values.subarray(sample * size, (sample + 1) * size);
    output.emit({ sample, output: Array.from(own) });
    const texts = Array.from(own.subarray(0, MOST_VALUES), (value) => value.toPrecision(5).padStart(11));
    const more = size > MOST_VALUES ? `  and ${size - MOST_VALUES} more` : "";
    output.print(`${output.paint("dim", String(sample).padStart(6))}  ${texts.join(" ")}${more}`);
  }
}

/** Warns when outputs are no numbers, whether or not their samples are shown. */
export function warnOfNonFinite({ count, sampleShape, values }: ModelOutputs, output: Output): void {
  const size = elementCount(sampleShape);
  const isWrong = (sample: number) =>
    values.subarray(sample * size, (sample + 1) * size).some((value) => !Number.isFinite(value));
  const wrong = Array.from({ length: count }, (_, sample) => sample).filter(isWrong);
  if (wrong.length === 0) return;
  const found = `${formatCount(wrong.length)} of ${counted(count, "sample")} gave NaN or infinite outputs`;
  const advice = "no class can be trusted there; check the inputs and how the model was trained";
  output.note(`${output.paintNote("yellow", "warning:")} ${found}, the first is sample ${wrong[0]}: ${advice}`);
}

function cellsOf({ class: name, score }: ScoredClass): string[] {
  // A space or a line end as the name of a class would not be seen.
  const isVisible = /^[\p{L}\p{N}\p{P}\p{S}]([^\p{C}]*[\p{L}\p{N}\p{P}\p{S}])?$/u.test(name);
  return [isVisible ? name : JSON.stringify(name), `${(score * 100).toFixed(2)}%`];
}
