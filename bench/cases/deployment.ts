/** What a deployed model costs: to import, to store, to load, to run. */
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { backends } from "../../src/backends/index.ts";
import { syntheticDigits } from "../../src/datasets/index.ts";
import { type DeployedModel, loadModel, saveModel } from "../../src/index.ts";
import { BitLinear, estimateMemory, type Module } from "../../src/nn/index.ts";
import type { BenchCase, BenchOptions, Measurement } from "../bench-case.ts";
import { BuiltPackage } from "../built-package.ts";
import { cnn, mlp } from "../networks.ts";

const networks: readonly { readonly name: string; readonly model: Module }[] = [
  { name: "MLP 784-256-128-10", model: mlp("ternary") },
  { name: "CNN of 16 and 32 channels", model: cnn("ternary") },
];

/** Start-up of inference, bytes, loading, time per image on every backend of this machine. */
export const deployment: BenchCase = {
  id: "deployment",
  summary: "import of bitlinear, bytes, loading, microseconds per image on each backend",

  async *run(options) {
    options.note("deployment: building the package ...");
    await using built = await BuiltPackage.build();
    yield await importTime(built, options);
    yield await largeMatrix();
    yield* largeModel(built, options);
    for (const { name, model } of networks) yield* costs(name, model, options);
  },
};

async function importTime(built: BuiltPackage, { isQuick }: BenchOptions): Promise<Measurement> {
  const samples: number[] = [];
  for (let i = 0; i < (isQuick ? 1 : 20); i++) samples.push((await built.run("import-inference")).milliseconds);
  return { name: 'import "bitlinear" in a fresh process', unit: "ms", samples, target: { atMost: 60 } };
}

async function largeMatrix(): Promise<Measurement> {
  const quantizerOptions = { granularity: "per-channel" } as const;
  const { packed } = await estimateMemory(new BitLinear(4096, 4096, { bias: false, quantizerOptions }));
  const name = "4096 × 4096 weights in base3, with a scale for each output";
  return { name, unit: "bytes", samples: [packed.base3], target: { atMost: 3_400_000 } };
}

/** What `bench/programs/loaded-model.ts` prints. */
interface LoadedModel {
  readonly backend: string;
  readonly milliseconds: readonly number[];
  readonly bytes: readonly number[];
}

/** Loading a model of one large layer, in a process that does nothing else. */
async function* largeModel(built: BuiltPackage, { note }: BenchOptions): AsyncGenerator<Measurement> {
  if (process.platform !== "linux") {
    note("deployment: no figures for loading a large layer, because process memory is read from Linux' /proc");
    return;
  }
  note("deployment: a layer of 4096 × 4096 ...");
  const folder = await mkdtemp(join(tmpdir(), "bitlinear-bench-"));
  try {
    const path = join(folder, "model.safetensors");
    using deployed = await new BitLinear(4096, 4096, { bias: false }).deploy();
    await saveModel(deployed, path);
    const found = await built.run<LoadedModel>("loaded-model", path);
    // The first load compiles code, too, which takes time and memory once.
    const name = `4096 × 4096 layer, loadModel, ${found.backend}`;
    yield { name, unit: "ms", samples: found.milliseconds.slice(1), target: { atMost: 30 } };
    yield { name: `${name}, the first of a process`, unit: "ms", samples: found.milliseconds.slice(0, 1) };
    const memory = `4096 × 4096 layer, process memory of one more model, ${found.backend}`;
    yield { name: memory, unit: "bytes", samples: found.bytes.slice(1), target: { atMost: 4_500_000 } };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function* costs(name: string, model: Module, options: BenchOptions): AsyncGenerator<Measurement> {
  const { isQuick, note } = options;
  note(`deployment: ${name} ...`);
  const deployed = await model.deploy();
  yield { name: `${name}, weights packed`, unit: "bytes", samples: [deployed.byteLength] };
  yield { name: `${name}, weights in float`, unit: "bytes", samples: [deployed.floatByteLength] };
  const folder = await mkdtemp(join(tmpdir(), "bitlinear-bench-"));
  try {
    const path = join(folder, "model.safetensors");
    await saveModel(deployed, path);
    yield { name: `${name}, file`, unit: "bytes", samples: [(await stat(path)).size] };
    yield { name: `${name}, loadModel`, unit: "ms", samples: await loadTimes(path, isQuick ? 1 : 20) };
    for (const { id, open } of backends) {
      const backend = await open();
      if ("unavailable" in backend) {
        note(`deployment: no figures for ${id}: ${backend.unavailable}`);
        continue;
      }
      using loaded = await loadModel(path, { backend: id });
      for (const batch of isQuick ? [1] : [1, 64]) {
        const samples = await microsecondsPerImage(loaded, batch, isQuick ? 1 : 20);
        yield { name: `${name}, an image on ${id} at batch ${batch}`, unit: "µs", samples };
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function loadTimes(path: string, count: number): Promise<number[]> {
  const samples: number[] = [];
  for (let i = 0; i < count; i++) {
    const started = performance.now();
    using _loaded = await loadModel(path);
    samples.push(performance.now() - started);
  }
  return samples;
}

/** Each sample is the mean of enough runs to last about 50 ms; as many go before them. */
async function microsecondsPerImage(model: DeployedModel, batch: number, count: number): Promise<number[]> {
  const { inputs } = syntheticDigits({ train: batch }).train;
  const timeRuns = async (runs: number): Promise<number> => {
    const started = performance.now();
    for (let run = 0; run < runs; run++) await model.run(inputs);
    return performance.now() - started;
  };
  const runs = Math.max(1, Math.round(50 / (await timeRuns(1))));
  await timeRuns(runs);
  const samples: number[] = [];
  for (let i = 0; i < count; i++) samples.push(((await timeRuns(runs)) * 1000) / runs / batch);
  return samples;
}
