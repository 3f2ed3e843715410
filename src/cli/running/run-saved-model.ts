/** `bitlinear run` from two files to predictions. */
import { formatCount, formatDuration, formatPercent } from "../../core/number-format.ts";
import { formatShape } from "../../core/shape.ts";
import { writeFileAtomic, writeNpy } from "../../files/index.ts";
import { loadModel } from "../../runtime/model-file.ts";
import type { CommandContext } from "../commands/command.ts";
import { counted } from "../counted.ts";
import { CLASSES_KEY, classesOf } from "../model-metadata.ts";
import type { Output } from "../output.ts";
import { runModel } from "../run-model.ts";
import { checkTargets } from "../target-files.ts";
import { type ModelOutputs, printClasses, printValues, warnOfNonFinite } from "./prediction-lines.ts";
import { accuracyOf } from "./predictions.ts";
import { readArrayFile, samplesFor } from "./sample-file.ts";

/** What `bitlinear run` takes. */
export interface RunModelOptions {
  readonly top: number | undefined;
  readonly labels: string | undefined;
  readonly output: string | undefined;
  readonly divideBy: number | undefined;
  readonly limit: number;
  readonly backend: string | undefined;
}

const DEFAULT_TOP = 3;
const REDRAW_MS = 100;

/** Runs the model of the first path on the samples of the second. */
export async function runSavedModel(
  options: RunModelOptions,
  { output }: CommandContext,
  [modelPath, inputPath]: readonly string[],
): Promise<number> {
  await checkTargets(
    { "--output": options.output },
    { MODEL: modelPath, INPUT: inputPath, "--labels": options.labels },
  );
  using model = await loadModel(modelPath, options.backend === undefined ? {} : { backend: options.backend });
  const samples = samplesFor(await readArrayFile(inputPath, options.divideBy), model.graph.inputShape);
  const labels = options.labels === undefined ? undefined : await readArrayFile(options.labels, 1);
  const { count, values: inputs, sampleShape } = samples;
  const progress = progressOn(output, count);
  const { outputs: values, sampleOutputShape, seconds } = await runModel(model, inputs, sampleShape, progress);
  const outputs: ModelOutputs = { count, sampleShape: sampleOutputShape, values };
  const shape = [count, ...sampleOutputShape];
  const accuracy = labels && accuracyOf(values, shape, labels);
  if (options.output !== undefined) await writeFileAtomic(options.output, writeNpy(values, shape));

  const names = namesOf(model.metadata, sampleOutputShape.at(-1), output);
  const shown = options.limit === 0 || output.isJson ? count : Math.min(options.limit, count);
  const isClassifier = names !== undefined || options.top !== undefined || labels !== undefined;
  if (isClassifier) printClasses(outputs, names, { top: options.top ?? DEFAULT_TOP, shown }, output);
  else printValues(outputs, shown, output);
  warnOfNonFinite(outputs, output);
  if (shown < count) output.print(output.paint("dim", `and ${formatCount(count - shown)} more (--limit 0 shows all)`));

  const facts = [
    `${counted(count, "sample")} to outputs of shape ${formatShape(sampleOutputShape)}`,
    `${formatDuration(seconds / count)} each on the ${model.backend} backend`,
    ...(accuracy === undefined ? [] : [`accuracy ${formatPercent(accuracy, 2)}`]),
    ...(options.output === undefined ? [] : [`saved to ${options.output}`]),
  ];
  output.print(`\n${facts.join("; ")}`);
  output.emit({
    samples: count,
    outputShape: shape,
    accuracy,
    backend: model.backend,
    seconds,
    output: options.output,
  });
  return 0;
}

/** The names of the classes, where the model has as many as outputs. */
function namesOf(
  metadata: Readonly<Record<string, string>>,
  classCount: number | undefined,
  output: Output,
): readonly string[] | undefined {
  const names = classesOf(metadata);
  if (names !== undefined && names.length === classCount) return names;
  if (Object.hasOwn(metadata, CLASSES_KEY)) {
    const expected = `a JSON list of ${classCount ?? 1} texts`;
    output.note(`the model's metadata ${JSON.stringify(CLASSES_KEY)} is not ${expected}, so classes have no names`);
  }
  return undefined;
}

/** Draws the number of samples done on a terminal. */
function progressOn({ stderr }: Output, count: number): (done: number) => void {
  let lastDrawn = performance.now();
  let isDrawn = false;
  return (done) => {
    const now = performance.now();
    if (stderr.isTTY === true && (done === count ? isDrawn : now - lastDrawn > REDRAW_MS)) {
      stderr.write(`\r\u001b[K${done === count ? "" : `${formatCount(done)} of ${formatCount(count)} samples`}`);
      lastDrawn = now;
      isDrawn = true;
    }
  };
}
