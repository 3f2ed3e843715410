import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { network, points, statefulNetwork, valuesOf } from "../../../test/support/small-trainings.ts";
import { FileError, UsageError } from "../../core/errors.ts";
import { parseSafetensors, writeSafetensors } from "../../files/index.ts";
import { modelToBytes } from "../../runtime/model-file.ts";
import { Parameter, type Tensor } from "../../tensor/index.ts";
import { Module } from "../module.ts";
import { BitLinear, type BitLinearOptions } from "../modules/bit-linear.ts";
import { GlobalAveragePool2d } from "../modules/global-average-pool2d.ts";
import { Linear } from "../modules/linear.ts";
import { Sequential } from "../modules/sequential.ts";
import { adam, adamW, lion, sgd } from "../optimizers/index.ts";
import { type FitOptions, fit } from "./fit.ts";
import type { History } from "./history.ts";
import { accuracy, type Metric, meanAbsoluteError } from "./metrics.ts";
import { cosine, linearDecay, stepDecay } from "./schedules.ts";

const data = points(100);
const validation = points(40, 2);
let folder: string;
let path: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-checkpoint-"));
  path = join(folder, "checkpoint.safetensors");
});

afterAll(() => rm(folder, { recursive: true }));

function train(module: Module, options: Partial<FitOptions> = {}): Promise<History> {
  return fit(module, data, { epochs: 3, batchSize: 16, progress: false, seed: 5, ...options });
}

function timeless({ epochs, ...rest }: History): unknown {
  return { ...rest, epochs: epochs.map(({ seconds, ...record }) => record) };
}

/** Stops after some step of the whole training, counted from 1. */
function stopAfter(step: number): Pick<FitOptions, "signal" | "progress"> {
  const controller = new AbortController();
  let steps = 0;
  return {
    signal: controller.signal,
    progress: (event) => {
      if (event.kind === "step" && ++steps === step) controller.abort();
    },
  };
}

/** A module that says nothing of its sizes. */
class Scaled extends Module {
  scale: Parameter;

  constructor(size: number) {
    super();
    this.scale = new Parameter([size], new Float32Array(size).fill(1));
  }

  forward(x: Tensor): Tensor {
    return x.mul(this.scale);
  }
}

/** A metric that is not a number for some epochs, as one without any sample to measure is. */
const sometimes: Metric = { name: "sometimes", measure: () => ({ sum: 0, count: 0 }) };

describe("a training that was stopped and resumed has the bits of one that was not", () => {
  const everything = {
    optimizer: sgd({ learningRate: 0.05, momentum: 0.9 }),
    schedule: cosine({ warmupSteps: 4 }),
    clipNorm: 1,
    validation,
    earlyStopping: { patience: 2, watch: "accuracy" },
    metrics: [accuracy, sometimes],
  } satisfies Partial<FitOptions>;

  // 6 steps an epoch: in the first epoch, at the ends of epochs, in the middle, before the last step.
  test.each([1, 5, 6, 8, 12, 17])("after step %i", async (step) => {
    const straight = statefulNetwork();
    const uninterrupted = join(folder, `straight-${step}`);
    const expected = await train(straight, { ...everything, checkpoint: { path: uninterrupted } });

    const stopped = await train(statefulNetwork(), { ...everything, ...stopAfter(step), checkpoint: { path } });
    expect(stopped).toMatchObject({ stopReason: "aborted", steps: step });
    const resumed = statefulNetwork(99); // its own parameters do not matter
    const history = await train(resumed, { ...everything, resume: path, checkpoint: { path } });
    expect(timeless(history)).toEqual(timeless(expected));
    expect(valuesOf(resumed)).toEqual(valuesOf(straight));
    const tensors = [...parseSafetensors(await readFile(path), path).tensors];
    expect(tensors).toEqual([...parseSafetensors(await readFile(uninterrupted), path).tensors]);
  });

  test.each([
    ["adam", adam({ weightDecay: 0.1 })],
    ["adamW", adamW()],
    ["lion", lion()],
    ["sgd", sgd()],
  ])("with %s, at an epoch's end", async (_, optimizer) => {
    const straight = network();
    await train(straight, { optimizer });
    await train(network(), { optimizer, onEpochEnd: ({ epoch }) => epoch < 2, checkpoint: { path } });
    const resumed = network(7);
    await train(resumed, { optimizer, resume: path });
    expect(valuesOf(resumed)).toEqual(valuesOf(straight));
  });

  test.each([undefined, 4])("after an abort inside the validation, with %s steps an epoch", async (stepsPerEpoch) => {
    const { inputs, targets } = points(300, 3);
    const samples = Array.from(targets, (target, i) => ({ input: inputs.subarray(2 * i, 2 * i + 2), target }));
    const options = { schedule: linearDecay(), metrics: [accuracy], ...(stepsPerEpoch && { stepsPerEpoch }) };
    const straight = network();
    const expected = await train(straight, { ...options, validation: samples });

    const controller = new AbortController();
    const aborting = function* (): Generator<(typeof samples)[0]> {
      for (const [i, sample] of samples.entries()) {
        if (i === 280) controller.abort(); // seen before the second batch of 256
        yield sample;
      }
    };
    const { signal } = controller;
    const stopped = await train(network(), { ...options, validation: aborting, signal, checkpoint: { path } });
    expect(stopped).toMatchObject({ epochs: [], stopReason: "aborted", steps: stepsPerEpoch ?? 6 });
    const resumed = network(9);
    const history = await train(resumed, { ...options, validation: samples, resume: path });
    expect(timeless(history)).toEqual(timeless(expected));
    expect(valuesOf(resumed)).toEqual(valuesOf(straight));
  });

  test("with a layer that is used twice", async () => {
    const twice = (seed: number): Module => {
      const layer = new Linear(2, 2, { seed });
      return new Sequential(layer, layer);
    };
    const straight = twice(1);
    await train(straight);
    await train(twice(1), { ...stopAfter(8), checkpoint: { path } });
    const resumed = twice(2);
    await train(resumed, { resume: path });
    expect(valuesOf(resumed)).toEqual(valuesOf(straight));
  });

  test("when it had finished, or run out of patience, there is nothing left to do", async () => {
    const finished = await train(network(), { checkpoint: { path } });
    const again = await train(network(3), { resume: path });
    expect(again).toEqual(finished);

    const opposite = { ...validation, targets: validation.targets.map((target) => 1 - target) };
    const options = { epochs: 20, validation: opposite, earlyStopping: { patience: 1 } };
    const module = network();
    const stopped = await train(module, { ...options, checkpoint: { path } });
    expect(stopped).toMatchObject({ stopReason: "early-stopping", steps: 12 });
    const resumed = network(3);
    expect(await train(resumed, { ...options, resume: path })).toEqual(stopped);
    expect(valuesOf(resumed)).toEqual(valuesOf(module)); // the best epoch's
    const patient = await train(network(3), { ...options, earlyStopping: { patience: 2 }, resume: path });
    expect(patient.steps).toBe(18);
  });

  test("more epochs may be asked for, where no schedule depends on their number", async () => {
    const straight = network();
    await train(straight, { epochs: 4 });
    await train(network(), { epochs: 2, checkpoint: { path } });
    const resumed = network(3);
    await train(resumed, { epochs: 4, resume: path });
    expect(valuesOf(resumed)).toEqual(valuesOf(straight));
  });
});

test("another weight rule, activation rule or option is another training", async () => {
  const ternary = (options: BitLinearOptions): Sequential =>
    new Sequential(new BitLinear(2, 3, { seed: 1, ...options }));
  await train(ternary({}), { epochs: 1, checkpoint: { path } });
  for (const options of [
    { quantizer: "twn" },
    { activation: "sign" },
    { quantizerOptions: { granularity: "per-channel" } },
  ] satisfies BitLinearOptions[]) {
    await expect(train(ternary(options), { resume: path })).rejects.toThrow(
      /layer 0 was "BitLinear 2 → 3, bitnet, int8"/,
    );
  }
});

test("rates that do not depend on the length of the training allow to extend it, others do not", async () => {
  const layer = (): Linear => new Linear(2, 2, { seed: 1 });
  const schedule = stepDecay({ every: 4 });
  await train(layer(), { epochs: 1, schedule, checkpoint: { path } });
  const extended = layer();
  await train(extended, { epochs: 3, schedule, resume: path });
  const whole = layer();
  await train(whole, { epochs: 3, schedule });
  expect(valuesOf(extended)).toEqual(valuesOf(whole));
  await train(layer(), { epochs: 1, schedule: cosine(), checkpoint: { path } });
  await expect(train(layer(), { epochs: 3, schedule: cosine(), resume: path })).rejects.toThrow(/schedule was/);
});

test("a training with nothing left to do still knows its samples", async () => {
  const pooled = (): Sequential => new Sequential(new GlobalAveragePool2d(), new Linear(1, 2, { seed: 1 }));
  const images = { ...data, inputShape: [2, 1, 1] };
  const trained = pooled();
  await fit(trained, images, { epochs: 1, progress: false, checkpoint: { path } });
  const resumed = pooled();
  await fit(resumed, images, { epochs: 1, progress: false, resume: path });
  expect(modelToBytes(await resumed.deploy())).toEqual(modelToBytes(await trained.deploy()));
  expect(resumed.sampleShape).toEqual([2, 1, 1]);
});

test("checkpoints are written every few epochs, and after the last one", async () => {
  const epochsIn = async (): Promise<number> => {
    const { metadata } = parseSafetensors(await readFile(path).catch(() => new Uint8Array()), path);
    return JSON.parse(metadata["bitlinear-checkpoint"]).position.epochs.length;
  };
  await rm(path, { force: true });
  const found: (number | undefined)[] = [];
  await train(network(), {
    epochs: 5,
    checkpoint: { path, everyEpochs: 2 },
    onEpochEnd: async () => {
      found.push(await epochsIn().catch(() => undefined));
      return undefined;
    },
  });
  expect(found).toEqual([undefined, undefined, 2, 2, 4]);
  expect(await epochsIn()).toBe(5);
});

describe("what cannot go on as it was is refused", () => {
  const base = { schedule: cosine(), validation, earlyStopping: { patience: 5 } } satisfies Partial<FitOptions>;
  let module: Module;

  beforeAll(async () => {
    module = statefulNetwork();
    await train(module, { ...base, ...stopAfter(8), checkpoint: { path } });
  });

  test.each<[Partial<FitOptions>, RegExp]>([
    [{ seed: 6 }, /seed was 5, is 6/],
    [{ batchSize: 20 }, /batchSize was 16, is 20; batchesPerEpoch was 6, is 5/],
    [{ stepsPerEpoch: 3 }, /batchesPerEpoch was 6, is 3/],
    [{ shuffle: false }, /shuffle was true, is false/],
    [{ optimizer: adamW({ learningRate: 1e-4 }) }, /learningRate was 0.001, is 0.0001/],
    [{ optimizer: sgd() }, /optimizer was "adamW", is "sgd"/],
    [{ clipNorm: 1 }, /clipNorm was none, is 1/],
    [{ schedule: linearDecay() }, /schedule was/],
    [{ epochs: 4 }, /schedule was/],
    [{ metrics: [accuracy, meanAbsoluteError] }, /metrics was/],
    [{ earlyStopping: { patience: 5, watch: "accuracy" } }, /earlyStopping was/],
  ])("%o", async (options, message) => {
    const resumed = statefulNetwork(2);
    const before = valuesOf(resumed);
    const failed = train(resumed, { ...base, ...options, resume: path });
    await expect(failed).rejects.toThrow(UsageError);
    await expect(failed).rejects.toThrow(message);
    expect(valuesOf(resumed)).toEqual(before);
  });

  test("another model", async () => {
    const smaller = new Sequential(new Linear(2, 2));
    await expect(train(smaller, { ...base, resume: path })).rejects.toThrow(/layer 0 .*, is "Linear 2 → 2"/);
    await expect(train(new Scaled(2), { epochs: 1, checkpoint: { path: join(folder, "two") } })).resolves.toBeDefined();
    const resumed = (module: Module): Promise<History> => train(module, { epochs: 1, resume: join(folder, "two") });
    await expect(resumed(new Scaled(1))).rejects.toThrow(/expected the shape \[1\], got \[2\]/);
    const larger = new Scaled(2);
    Reflect.set(larger, "offset", new Parameter([2]));
    await expect(resumed(larger)).rejects.toThrow(/another model or optimizer: the tensor is missing/);
  });

  test("no file, and files that are no checkpoints", async () => {
    await expect(train(module, { ...base, resume: join(folder, "absent") })).rejects.toThrow(/no such file/);
    const other = join(folder, "other");
    await writeFile(other, writeSafetensors([], { kind: "something else" }));
    await expect(train(module, { ...base, resume: other })).rejects.toThrow(/no checkpoint of a bitlinear training/);
    await writeFile(other, "hello");
    await expect(train(module, { ...base, resume: other })).rejects.toThrow(FileError);
  });

  test("a path that cannot be written", async () => {
    await expect(train(network(), { checkpoint: { path: join(folder, "no", "such", "folder") } })).rejects.toThrow(
      FileError,
    );
  });

  /** Resumes from a file whose metadata were changed. */
  async function resumeWith(change: (metadata: Record<string, unknown>) => unknown): Promise<History> {
    const { tensors, metadata } = parseSafetensors(await readFile(path), path);
    const text = JSON.stringify(change(JSON.parse(metadata["bitlinear-checkpoint"])));
    const changed = join(folder, "changed");
    await writeFile(changed, writeSafetensors([...tensors.values()], { "bitlinear-checkpoint": text }));
    return train(statefulNetwork(2), { ...base, resume: changed });
  }

  const withPosition =
    (change: Record<string, unknown>) =>
    (metadata: Record<string, unknown>): unknown => ({
      ...metadata,
      position: { ...(metadata.position as object), ...change },
    });

  test.each<[string, (metadata: Record<string, unknown>) => unknown]>([
    ["null", () => null],
    ["a list", () => []],
    ["a number", () => 7],
    ["no version", ({ version, ...rest }) => rest],
    ["another version", (metadata) => ({ ...metadata, version: 2 })],
    ["no position", ({ position, ...rest }) => rest],
    ["a position that is none", (metadata) => ({ ...metadata, position: "here" })],
    ["settings that are none", (metadata) => ({ ...metadata, settings: null })],
    ["settings that are no texts", (metadata) => ({ ...metadata, settings: { seed: 5 } })],
    ["more than there should be", (metadata) => ({ ...metadata, extra: 1 })],
    ["a negative batch", withPosition({ batch: -1 })],
    ["a batch beyond the epoch", withPosition({ batch: 7 })],
    ["half a step", withPosition({ step: 1.5 })],
    ["fewer steps than batches", withPosition({ step: 1 })],
    ["a step that is a text", withPosition({ step: "8" })],
    ["a loss that is a number", withPosition({ loss: 3 })],
    ["a loss without a count", withPosition({ loss: { sum: 3 } })],
    ["a loss of null", withPosition({ loss: { sum: null, count: 1 } })],
    ["too few metrics", withPosition({ metrics: [] })],
    ["too many metrics", withPosition({ metrics: Array(3).fill({ sum: 0, count: 0 }) })],
    ["metrics that are no list", withPosition({ metrics: { length: 1 } })],
    ["epochs that are no list", withPosition({ epochs: {} })],
    ["epochs that are numbers", withPosition({ epochs: [1] })],
    [
      "epochs in another order",
      withPosition({ epochs: [{ epoch: 2, loss: 1, metrics: {}, learningRate: 1, seconds: 1 }] }),
    ],
    ["epochs without a loss", withPosition({ epochs: [{ epoch: 1, metrics: {}, learningRate: 1, seconds: 1 }] })],
    [
      "more epochs than steps",
      withPosition({
        epochs: Array.from({ length: 9 }, (_, i) => ({
          epoch: i + 1,
          loss: 1,
          metrics: {},
          learningRate: 1,
          seconds: 1,
        })),
      }),
    ],
    ["a best value that is a list", withPosition({ best: [1] })],
    ["no best value, beside its parameters", withPosition({ best: undefined })],
    ["a patience that is a text", withPosition({ epochsSinceBest: "x" })],
  ])("metadata with %s", async (_, change) => {
    await expect(resumeWith(change)).rejects.toThrow(FileError);
  });

  test("unchanged metadata go through, which shows that the tests above can fail", async () => {
    await resumeWith((metadata) => metadata);
  });

  test("any damage to the file is a FileError, or it does no harm", async () => {
    const bytes = await readFile(path);
    const headerEnd = 8 + Number(bytes.readBigUInt64LE());
    const damaged = join(folder, "damaged");
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.record({
            at: fc.nat({ max: headerEnd + 20 }),
            value: fc.nat({ max: 255 }),
            end: fc.constant(bytes.length),
          }),
          fc.record({ at: fc.constant(0), value: fc.constant(bytes[0]), end: fc.nat({ max: bytes.length - 1 }) }),
        ),
        async ({ at, value, end }) => {
          const changed = Uint8Array.from(bytes);
          changed[at] = value;
          await writeFile(damaged, changed.subarray(0, end));
          const outcome = await train(statefulNetwork(2), {
            ...base,
            resume: damaged,
            signal: AbortSignal.abort(),
          }).catch((error: unknown) => error);
          // A changed digit of a loss, or a letter of a setting, is still a checkpoint.
          const isFine = outcome instanceof FileError || outcome instanceof UsageError || !(outcome instanceof Error);
          expect(isFine, String(outcome)).toBe(true);
          if (end < bytes.length) expect(outcome).toBeInstanceOf(FileError);
        },
      ),
      { numRuns: 150 },
    );
  });
});
