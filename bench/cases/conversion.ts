/** What becomes of a trained float network whose weights are made ternary in one shot, without any training after. */

import { fitPlanes, outputSums, SecondMoments } from "../../src/convert/fitting/index.ts";
import { OutputMeasures } from "../../src/convert/measures.ts";
import type { TernaryMatrix } from "../../src/core/ternary-matrix.ts";
import { formatTable } from "../../src/core/text-table.ts";
import {
  type Dataset,
  type DatasetSplit,
  loadMnist,
  resolveDataDirectory,
  sampleCount,
  subset,
} from "../../src/datasets/index.ts";
import {
  adamW,
  cosine,
  crossEntropy,
  evaluate,
  fit,
  Linear,
  type Module,
  manualSeed,
  predict,
  recordInputs,
  ternarize,
} from "../../src/nn/index.ts";
import type { BenchCase, BenchOptions, Measurement, Target } from "../bench-case.ts";
import { mlp } from "../networks.ts";

/** One way to convert. */
interface Way {
  readonly name: string;
  readonly planes: number;
  readonly isCalibrated: boolean;
}

const WAYS: readonly Way[] = [1, 2].flatMap((planes) =>
  [false, true].map((isCalibrated) => ({
    name: `${isCalibrated ? "calibrated" : "data-free"}, ${planes === 1 ? "1 plane" : `${planes} planes`}`,
    planes,
    isCalibrated,
  })),
);
const EPOCHS = 5;
/** Training images whose inputs calibrate; errors are measured on test images. */
const CALIBRATION_IMAGES = 2048;
/** What calibration has to leave of the output error at most. */
const KEPT: Target = { atMost: 0.7 };

/** Figures of one network under one way, by name: accuracy in percent, else relative errors. */
type Figures = ReadonlyMap<string, number>;

/** Accuracy and output errors of the MNIST MLP, all of whose layers become ternary. */
export const conversion: BenchCase = {
  id: "conversion",
  summary: "the float MNIST MLP converted in one shot: accuracy and output errors, data-free and calibrated",

  async *run(options) {
    const digits = await loadMnist(resolveDataDirectory(options.dataDirectory));
    const samples = new Map<string, number[]>();
    const targets = new Map<string, Target>();
    for (let seed = 1; seed <= options.seeds; seed++) {
      const figures = await convertedInAllWays(digits, seed, options);
      options.print(tableOf(figures, seed));
      for (const [way, values] of figures)
        for (const [name, value] of values) append(samples, `${name}, ${way}`, value);
      for (const planes of [1, 2]) {
        const [dataFree, calibrated] = WAYS.filter((way) => way.planes === planes).map(({ name }) => figures.get(name));
        for (const [name, value] of calibrated ?? []) {
          if (!name.startsWith("output error")) continue;
          const full = `${name}, share that calibration leaves, ${planes === 1 ? "1 plane" : `${planes} planes`}`;
          append(samples, full, value / (dataFree?.get(name) ?? Number.NaN));
          targets.set(full, KEPT);
        }
      }
    }
    yield* measurements(samples, targets, options);
  },
};

function* measurements(
  samples: ReadonlyMap<string, number[]>,
  targets: ReadonlyMap<string, Target>,
  { seeds }: BenchOptions,
): Generator<Measurement> {
  const method = `784-256-128-10, ${EPOCHS} epochs, ${CALIBRATION_IMAGES} calibration images, seeds 1 to ${seeds}`;
  for (const [name, values] of samples) {
    const target = targets.get(name);
    const unit = name.startsWith("accuracy") ? "%" : "relative";
    yield { name: `MNIST, MLP, ${name}`, unit, samples: values, method, ...(target && { target }) };
  }
}

/** Figures by way, the float network's first. */
async function convertedInAllWays(
  { train, test }: DatasetSplit,
  seed: number,
  { isQuick, note }: BenchOptions,
): Promise<Map<string, Figures>> {
  note(`conversion: training the float MLP, seed ${seed} ...`);
  const model = await trainedModel(
    isQuick ? subset(train, 0, Math.min(128, sampleCount(train))) : train,
    isQuick,
    seed,
  );
  note("conversion: looking at the inputs of its layers ...");
  const calibration = await momentsOf(model, subset(train, 0, Math.min(CALIBRATION_IMAGES, sampleCount(train))));
  const unseen = await momentsOf(model, test);
  const logits = await predict(model, test.inputs);
  const figures = new Map<string, Figures>([["float", new Map([["accuracy", await accuracyOf(model, test)]])]]);
  for (const way of WAYS) {
    note(`conversion: ${way.name} ...`);
    const errors = new Map<string, number>();
    const { model: ternary } = ternarize(model, {
      inPlace: false,
      fit(weights, shape, path) {
        const inputs = way.isCalibrated ? calibration.get(path) : undefined;
        const { planes } = fitPlanes(weights, shape, { planes: way.planes, ...(inputs && { calibration: inputs }) });
        errors.set(`output error, layer ${path}`, outputError(weights, planes, unseen.get(path)));
        return planes;
      },
    });
    const outputs = new OutputMeasures();
    outputs.add(logits, await predict(ternary, test.inputs));
    errors.set("output error, logits", outputs.relativeError);
    figures.set(way.name, new Map([["accuracy", await accuracyOf(ternary, test)], ...errors]));
  }
  return figures;
}

/** By the recipe of examples/mnist-mlp.ts. */
async function trainedModel(train: Dataset, isQuick: boolean, seed: number): Promise<Module> {
  manualSeed(seed);
  const model = mlp("float");
  await fit(model, train, {
    epochs: isQuick ? 1 : EPOCHS,
    batchSize: 64,
    optimizer: adamW({ learningRate: 2e-3, weightDecay: 0.1 }),
    schedule: cosine({ warmupSteps: isQuick ? 0 : 200 }),
    loss: crossEntropy,
    seed,
  });
  return model;
}

async function momentsOf(model: Module, data: Dataset): Promise<Map<string, SecondMoments>> {
  const moments = new Map<string, SecondMoments>();
  for (const [path, layer] of model.namedModules()) {
    if (layer instanceof Linear) moments.set(path, new SecondMoments(layer.inFeatures));
  }
  for await (const { path, values } of recordInputs(model, data)) moments.get(path)?.add(values);
  return moments;
}

function outputError(weights: Float32Array, planes: readonly TernaryMatrix[], unseen?: SecondMoments): number {
  if (!unseen) throw new Error("every layer has inputs");
  const { squaredError, squaredOutputs } = outputSums(weights, planes, unseen);
  return Math.sqrt(squaredError / squaredOutputs);
}

async function accuracyOf(model: Module, test: Dataset): Promise<number> {
  return 100 * (await evaluate(model, test)).metrics.accuracy;
}

function append(samples: Map<string, number[]>, name: string, value: number): void {
  const values = samples.get(name) ?? [];
  samples.set(name, [...values, value]);
}

function tableOf(figures: ReadonlyMap<string, Figures>, seed: number): string {
  const names = [...new Set([...figures.values()].flatMap((values) => [...values.keys()]))];
  const cell = (name: string, value: number | undefined): string => {
    if (value === undefined) return "";
    return name === "accuracy" ? `${value.toFixed(2)} %` : value.toFixed(4);
  };
  return `\n${formatTable({
    heading: [`seed ${seed}`, ...names],
    alignments: ["left", ...names.map(() => "right" as const)],
    rows: [...figures].map(([way, values]) => [way, ...names.map((name) => cell(name, values.get(name)))]),
  })}`;
}
