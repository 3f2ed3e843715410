/** How well ternary networks learn: the examples, run as a user runs them, with several seeds. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { resolveDataDirectory } from "../../src/datasets/index.ts";
import type { BenchCase, BenchOptions, Measurement, Target } from "../bench-case.ts";
import { repository } from "../machine.ts";

/** A figure that an example prints. */
interface Figure {
  readonly name: string;
  /** The first group is a percentage. */
  readonly pattern: RegExp;
  readonly target?: Target;
}

/** An example with the arguments of the full figure. */
interface Training {
  readonly example: string;
  readonly args: readonly string[];
  /** Arguments that make it short; they come last and win. */
  readonly quickArgs: readonly string[];
  readonly figures: readonly Figure[];
}

const QUICK_IMAGES = ["--epochs", "1", "--samples", "128"];

const trainings: readonly Training[] = [
  {
    example: "mnist-mlp.ts",
    args: ["--epochs", "5", "--quantizer", "bitnet", "--compare"],
    quickArgs: QUICK_IMAGES,
    figures: [
      { name: "MNIST, MLP, bitnet", pattern: /^test accuracy, ternary +([\d.]+) %/m, target: { atLeast: 98 } },
      { name: "MNIST, MLP, float", pattern: /^test accuracy, float +([\d.]+) %/m },
    ],
  },
  ...["twn", "lsq", "paretoq"].map((quantizer) => ({
    example: "mnist-mlp.ts",
    args: ["--epochs", "5", "--quantizer", quantizer],
    quickArgs: QUICK_IMAGES,
    figures: [
      { name: `MNIST, MLP, ${quantizer}`, pattern: /^test accuracy, ternary +([\d.]+) %/m, target: { atLeast: 97.5 } },
    ],
  })),
  {
    example: "mnist-cnn.ts",
    args: ["--epochs", "10"],
    quickArgs: QUICK_IMAGES,
    figures: [{ name: "MNIST, CNN, bitnet", pattern: /^test accuracy +([\d.]+) %/m, target: { atLeast: 99.2 } }],
  },
  {
    example: "keyword-spotting.ts",
    args: ["--epochs", "8"],
    quickArgs: ["--epochs", "1"],
    figures: [{ name: "spoken digits, CNN, bitnet", pattern: /^test accuracy +([\d.]+) %/m, target: { atLeast: 95 } }],
  },
];

/** Test accuracies after the last epoch; nothing is chosen by looking at the test set. */
export const accuracy: BenchCase = {
  id: "accuracy",
  summary: "test accuracy of the MNIST MLP (float, four quantizers), the CNN and the spoken digits",

  async *run(options) {
    const directory = resolveDataDirectory(options.dataDirectory);
    for (const training of trainings) yield* accuraciesOf(training, directory, options);
  },
};

async function* accuraciesOf(
  { example, args, quickArgs, figures }: Training,
  directory: string,
  { isQuick, seeds, note }: BenchOptions,
): AsyncGenerator<Measurement> {
  const samples = figures.map((): number[] => []);
  const all = [...args, ...(isQuick ? quickArgs : [])];
  for (let seed = 1; seed <= seeds; seed++) {
    note(`accuracy: examples/${example} ${all.join(" ")} --seed ${seed} ...`);
    const printed = await runExample(example, [...all, "--seed", String(seed), "--data", directory]);
    for (const [i, { pattern }] of figures.entries()) samples[i].push(figureIn(printed, pattern, example));
  }
  const method = `examples/${example} ${all.join(" ")}, seeds 1 to ${seeds}`;
  for (const [i, { name, target }] of figures.entries()) {
    yield { name, unit: "%", samples: samples[i], method, ...(target && { target }) };
  }
  const [ternary, float] = samples;
  if (float === undefined) return;
  const differences = float.map((value, i) => value - ternary[i]);
  yield {
    name: `${figures[0].name}, points below float`,
    unit: "points",
    samples: differences,
    method,
    target: { atMost: 0.3 },
  };
}

async function runExample(example: string, args: readonly string[]): Promise<string> {
  const command = ["--import", "tsx", join("examples", example), ...args];
  return (await promisify(execFile)(process.execPath, command, { cwd: repository })).stdout;
}

function figureIn(printed: string, pattern: RegExp, example: string): number {
  const [, figure] = pattern.exec(printed) ?? [];
  if (figure === undefined) throw new Error(`examples/${example} printed nothing like ${pattern}:\n${printed}`);
  return Number(figure);
}
