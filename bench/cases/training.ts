/** How fast training is, and what memory it takes. */
import { type Dataset, syntheticDigits } from "../../src/datasets/index.ts";
import { fit, type Module } from "../../src/nn/index.ts";
import type { BenchCase, Measurement } from "../bench-case.ts";
import { BuiltPackage } from "../built-package.ts";
import { cnn, mlp, type Weights } from "../networks.ts";

const BATCH_SIZE = 64;
/** Steps of an epoch of MNIST. */
const EPOCH_STEPS = Math.floor(60_000 / BATCH_SIZE);

/** A network whose epoch is timed: blocks of steps, of which the first are not counted. */
interface TimedNetwork {
  readonly name: string;
  readonly build: (weights: Weights) => Module;
  readonly warmupSteps: number;
  readonly steps: number;
  readonly secondsAtMost: number;
}

const networks: readonly TimedNetwork[] = [
  { name: "MLP 784-256-128-10", build: mlp, warmupSteps: 20, steps: 100, secondsAtMost: 6 },
  { name: "CNN of 16 and 32 channels", build: cnn, warmupSteps: 2, steps: 10, secondsAtMost: 90 },
];

/** Start-up, epochs in float and ternary, peak memory. */
export const training: BenchCase = {
  id: "training",
  summary: "first step, seconds per epoch in float and ternary, peak memory",

  async *run({ isQuick, note }) {
    note("training: building the package for start-up and memory ...");
    await using built = await BuiltPackage.build();
    yield* startUp(built, isQuick ? 1 : 20);
    yield await peakMemory(built, isQuick ? 10 : EPOCH_STEPS, isQuick ? 1 : 3);
    const { train } = syntheticDigits({ train: 10_000 });
    for (const network of networks) {
      note(`training: ${network.name}, float and ternary in turns ...`);
      yield* epochs(network, train, isQuick ? 1 : 20);
    }
  },
};

async function* startUp(built: BuiltPackage, count: number): AsyncGenerator<Measurement> {
  const runs: Record<string, number>[] = [];
  for (let i = 0; i < count; i++) runs.push(await built.run("first-step"));
  yield {
    name: "first step of the ternary MLP, from the start of the process",
    unit: "s",
    samples: runs.map(({ sinceStart }) => sinceStart),
    target: { atMost: 0.5 },
  };
  yield {
    name: "first step of the ternary MLP, from the call of fit",
    unit: "s",
    samples: runs.map(({ sinceFit }) => sinceFit),
  };
}

async function peakMemory(built: BuiltPackage, steps: number, count: number): Promise<Measurement> {
  const samples: number[] = [];
  for (let i = 0; i < count; i++) samples.push((await built.run("peak-memory", String(steps))).megabytes);
  const method = `resident memory of a process that runs ${steps} steps; its 60,000 images take 188 MB`;
  return { name: "peak memory of training the ternary MLP", unit: "MB", samples, method, target: { atMost: 500 } };
}

/** Blocks of float and ternary steps in turns, so that whatever else the machine does meets both alike. */
async function* epochs(network: TimedNetwork, data: Dataset, count: number): AsyncGenerator<Measurement> {
  const { name, build, steps, warmupSteps, secondsAtMost } = network;
  const seconds: Record<Weights, number[]> = { float: [], ternary: [] };
  const models = { float: build("float"), ternary: build("ternary") };
  for (let block = 0; block < count; block++) {
    for (const weights of block % 2 === 0 ? (["float", "ternary"] as const) : (["ternary", "float"] as const)) {
      seconds[weights].push((await secondsPerStep(models[weights], data, network)) * EPOCH_STEPS);
    }
  }
  const method = `${EPOCH_STEPS} times the mean of ${steps} steps at batch ${BATCH_SIZE}, after ${warmupSteps} others`;
  yield { name: `${name}, float epoch`, unit: "s", samples: seconds.float, method };
  const target = { atMost: secondsAtMost };
  yield { name: `${name}, ternary epoch`, unit: "s", samples: seconds.ternary, method, target };
  yield {
    name: `${name}, ternary / float`,
    unit: "times",
    samples: seconds.ternary.map((value, i) => value / seconds.float[i]),
    method: "quotient of neighbouring blocks",
    target: { atMost: 1.2 },
  };
}

/** Seconds of a step inside `fit`, with everything it does for one: the batch, the metrics, the step. */
async function secondsPerStep(model: Module, data: Dataset, { warmupSteps, steps }: TimedNetwork): Promise<number> {
  let started = 0;
  let ended = 0;
  await fit(model, data, {
    epochs: 1,
    batchSize: BATCH_SIZE,
    stepsPerEpoch: warmupSteps + steps,
    progress: (event) => {
      if (event.kind !== "step") return;
      if (event.batch === warmupSteps) started = performance.now();
      if (event.batch === warmupSteps + steps) ended = performance.now();
    },
  });
  return (ended - started) / 1000 / steps;
}
