import { describe, expect, test } from "vitest";
import { network, points, samplesOf, valuesOf, XOR } from "../../../test/support/small-trainings.ts";
import { ShapeError, UsageError } from "../../core/errors.ts";
import type { Module } from "../module.ts";
import { Linear } from "../modules/linear.ts";
import { adam, sgd } from "../optimizers/index.ts";
import type { Sample, TrainingData } from "./batches.ts";
import { evaluate } from "./evaluate.ts";
import { type FitOptions, fit } from "./fit.ts";
import type { History } from "./history.ts";
import { crossEntropy, meanSquaredError } from "./losses.ts";
import { accuracy } from "./metrics.ts";
import type { ProgressEvent } from "./progress.ts";
import { cosine } from "./schedules.ts";

const data = points(100);

function train(module: Module, options: Partial<FitOptions> = {}, trained: TrainingData = data): Promise<History> {
  return fit(module, trained, { epochs: 2, batchSize: 16, progress: false, ...options });
}

/** What a history says but for the time it took. */
function timeless({ epochs, ...rest }: History): unknown {
  return { ...rest, epochs: epochs.map(({ seconds, ...record }) => record) };
}

async function* slowly(samples: Iterable<Sample>): AsyncGenerator<Sample> {
  for (const sample of samples) {
    await Promise.resolve();
    yield sample;
  }
}

describe("learning", () => {
  test("a linear layer separates separable points", async () => {
    const history = await train(new Linear(2, 2), { epochs: 5, optimizer: adam({ learningRate: 0.1 }) });
    expect(history.epochs.at(-1)?.metrics.accuracy).toBe(1);
    expect(history).toMatchObject({ stopReason: "finished", steps: 30, droppedSamples: 4 });
    const losses = history.epochs.map(({ loss }) => loss);
    expect(losses).toEqual([...losses].sort((a, b) => b - a));
  });

  test("a network learns XOR, which a linear layer cannot", async () => {
    const options = { epochs: 200, optimizer: adam({ learningRate: 0.05 }) };
    const module = network();
    await train(module, options, XOR);
    expect((await evaluate(module, XOR)).metrics.accuracy).toBe(1);
    const linear = new Linear(2, 2);
    await train(linear, options, XOR);
    expect((await evaluate(linear, XOR)).metrics.accuracy).toBeLessThan(1);
  });

  test("equal seeds give equal bits, other seeds others", async () => {
    const results = [];
    for (const seed of [1, 1, 2]) {
      const module = network();
      results.push({ history: timeless(await train(module, { seed })), values: valuesOf(module) });
    }
    expect(results[1]).toEqual(results[0]);
    expect(results[2].values).not.toEqual(results[0].values);
  });

  test("without shuffling the seed does not matter", async () => {
    const results = [];
    for (const seed of [1, 2]) {
      const module = network();
      await train(module, { seed, shuffle: false });
      results.push(valuesOf(module));
    }
    expect(results[1]).toEqual(results[0]);
  });

  test("the gradient can be clipped", async () => {
    const before = network();
    const after = network();
    await train(after, { optimizer: sgd({ learningRate: 1 }), clipNorm: 1e-3, epochs: 1, batchSize: 100 });
    const moved = Object.entries(valuesOf(before)).flatMap(([name, values]) =>
      values.map((value, i) => (value - valuesOf(after)[name][i]) ** 2),
    );
    // One step of the norm 1e-3; each of the 42 parameters, at most 1, is rounded once.
    expect(Math.abs(Math.sqrt(moved.reduce((sum, square) => sum + square)) - 1e-3)).toBeLessThan(42 * 2 ** -24);
  });

  test("the module is left in evaluation mode and knows its input", async () => {
    const module = network();
    module.inputShape = undefined;
    await train(module);
    expect(module.namedModules().every(([, { isTraining }]) => !isTraining)).toBe(true);
    expect(module.inputShape).toEqual([2]);
    expect(module.sampleShape).toEqual([2]);
  });
});

describe("data", () => {
  const samples = samplesOf(data);
  test.each<[string, TrainingData]>([
    ["an array", samples],
    ["a set", new Set(samples)],
    ["an iterable", { [Symbol.iterator]: () => samples[Symbol.iterator]() }],
    ["an async iterable", { [Symbol.asyncIterator]: () => slowly(samples) }],
    ["a function", () => samples],
    ["a function that gives generators", () => slowly(samples)],
  ])("%s trains like a dataset in the same order", async (_, given) => {
    const expected = network();
    const history = await train(expected, { shuffle: false, metrics: [accuracy] });
    const module = network();
    expect(timeless(await train(module, { metrics: [accuracy] }, given))).toEqual(timeless(history));
    expect(valuesOf(module)).toEqual(valuesOf(expected));
  });

  test("a function is told the epoch, counted from 0", async () => {
    const epochs: number[] = [];
    await train(network(), { epochs: 3 }, (epoch) => {
      epochs.push(epoch);
      return samples;
    });
    expect(epochs).toEqual([0, 1, 2]);
  });

  test("a generator lasts for one epoch, and the error says so", async () => {
    const module = network();
    await expect(train(module, { epochs: 2 }, slowly(samples))).rejects.toThrow(UsageError);
    await expect(train(module, { epochs: 2 }, slowly(samples))).rejects.toThrow(/no sample.*read only once.*function/);
    await train(module, { epochs: 1 }, slowly(samples));
  });

  test("samples that do not fill a batch are left out, and it is said once", async () => {
    for (const given of [data, samples, () => slowly(samples)]) {
      const notes: string[] = [];
      const { droppedSamples } = await train(network(), { progress: (event) => notes.push(...noteOf(event)) }, given);
      expect(droppedSamples).toBe(4);
      expect(notes).toHaveLength(1);
      expect(notes[0]).toContain("4 samples of each epoch are left out");
    }
  });

  test("data in memory that are smaller than a batch are one batch", async () => {
    for (const given of [XOR, samplesOf(XOR)]) {
      expect(await train(network(), { epochs: 3, batchSize: 64 }, given)).toMatchObject({
        steps: 3,
        droppedSamples: 0,
      });
    }
    await expect(train(network(), { batchSize: 64 }, () => samplesOf(XOR))).rejects.toThrow(/one batch of 64/);
  });

  test("stepsPerEpoch ends endless iterables and closes them", async () => {
    let closed = 0;
    function* endless(): Generator<Sample> {
      try {
        for (;;) yield* samples;
      } finally {
        closed++;
      }
    }
    expect(await train(network(), { stepsPerEpoch: 3, epochs: 2 }, endless)).toMatchObject({
      steps: 6,
      droppedSamples: 0,
    });
    expect(closed).toBe(2);
    expect(await train(network(), { stepsPerEpoch: 3, epochs: 2 })).toMatchObject({ steps: 6, droppedSamples: 0 });
    expect(await train(network(), { stepsPerEpoch: 99, epochs: 1 })).toMatchObject({ steps: 6, droppedSamples: 4 });
  });

  test("an error in the data comes through and leaves the module usable", async () => {
    const module = network();
    const failing = function* (epoch: number): Generator<Sample> {
      yield* samples;
      if (epoch === 1) throw new RangeError("disk gone");
    };
    const afterOne = network();
    await train(afterOne, { epochs: 1 }, () => samples);
    await expect(train(module, { epochs: 3 }, (epoch) => failing(epoch))).rejects.toThrow("disk gone");
    expect(valuesOf(module)).toEqual(valuesOf(afterOne));
  });

  test.each<[string, TrainingData, RegExp]>([
    ["null", null as never, /training data must be a dataset/],
    ["a number", 5 as never, /got number/],
    ["an object without samples", {} as never, /training data must be/],
    ["nothing", [], /hold no sample: pass an array/],
    ["samples without targets", [{ input: [1, 2] }] as never, /must be \{ input, target \}/],
    ["samples of different sizes", [...samplesOf(XOR), { input: [1], target: 0 }], /must have one size/],
    ["samples of another size than the model's", [{ input: [1, 2, 3], target: 0 }], /takes samples of shape \[2\]/],
    ["a dataset that does not fit together", { ...XOR, targets: Int32Array.of(1) }, /must hold 4 values/],
    [
      "an empty dataset",
      { ...XOR, inputs: new Float32Array(0), targets: new Int32Array(0) },
      /one or more whole samples/,
    ],
  ])("%s is refused", async (_, given, message) => {
    await expect(train(network(), { batchSize: 5 }, given)).rejects.toThrow(message);
  });
});

describe("watching", () => {
  test("validation, metrics and learning rates are recorded", async () => {
    const validation = points(37, 9);
    const module = network();
    const { epochs } = await train(module, { validation, schedule: cosine({ warmupSteps: 3 }), optimizer: sgd() });
    const measured = await evaluate(module, validation, { loss: crossEntropy });
    expect(measured).toEqual({ loss: epochs[1].validationLoss, metrics: epochs[1].validationMetrics });
    expect(epochs[0].validationLoss).not.toBe(epochs[1].validationLoss);
    // 6 steps an epoch; the record has the rate of the epoch's last step.
    const schedule = cosine({ warmupSteps: 3 });
    expect(epochs.map(({ learningRate }) => learningRate)).toEqual([0.01 * schedule(5, 12), 0.01 * schedule(11, 12)]);
  });

  test("steps and epochs are told in order", async () => {
    const events: ProgressEvent[] = [];
    const { epochs } = await train(network(), { progress: (event) => events.push(event), batchSize: 50 });
    expect(events.map(({ kind }) => kind)).toEqual(["step", "step", "epoch", "step", "step", "epoch"]);
    expect(events[1]).toMatchObject({ epoch: 1, epochs: 2, batch: 2, batches: 2, batchSize: 50, loss: epochs[0].loss });
    expect(events[5]).toEqual({ kind: "epoch", record: epochs[1], epochs: 2, shares: ["accuracy"] });
  });

  test("metrics can be left out, and losses be one's own", async () => {
    const regression = { ...data, targets: Float32Array.from(data.inputs), targetShape: [2] };
    const { epochs } = await train(new Linear(2, 2), { loss: meanSquaredError }, regression);
    expect(epochs[0].metrics).toEqual({});
    await expect(train(network(), { loss: (y) => y })).rejects.toThrow(/must be one number/);
  });

  test("callbacks may be asynchronous, see the parameters and stop the training", async () => {
    const module = network();
    const seen: Record<string, number[]>[] = [];
    const history = await train(module, {
      epochs: 9,
      onEpochEnd: async ({ epoch }) => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        seen.push(valuesOf(module));
        return epoch < 2;
      },
    });
    expect(history.epochs).toHaveLength(2);
    expect(history.stopReason).toBe("aborted");
    expect(seen[1]).toEqual(valuesOf(module));
    expect(seen[0]).not.toEqual(seen[1]);
  });

  test("an error in a callback comes through", async () => {
    const failing = (): undefined => {
      throw new RangeError("on purpose");
    };
    await expect(train(network(), { onEpochEnd: failing })).rejects.toThrow("on purpose");
  });

  test("early stopping ends the training and brings the best parameters back", async () => {
    const opposite = points(50, 3);
    const validation = { ...opposite, targets: opposite.targets.map((target) => 1 - target) }; // the more is learned, the worse
    const losses: number[] = [];
    const snapshots: Record<string, number[]>[] = [];
    const module = network();
    const history = await train(module, {
      epochs: 50,
      validation,
      earlyStopping: { patience: 3 },
      onEpochEnd: ({ validationLoss }) => {
        losses.push(validationLoss ?? Number.NaN);
        snapshots.push(valuesOf(module));
        return undefined;
      },
    });
    const best = losses.indexOf(Math.min(...losses));
    expect(history.stopReason).toBe("early-stopping");
    expect(losses).toHaveLength(best + 4);
    expect(valuesOf(module)).toEqual(snapshots[best]);
  });
});

describe("options", () => {
  test.each<[string, Partial<FitOptions>, typeof ShapeError | typeof UsageError]>([
    ["no epochs", { epochs: 0 }, ShapeError],
    ["half an epoch", { epochs: 0.5 }, ShapeError],
    ["a negative batch size", { batchSize: -1 }, ShapeError],
    ["no steps", { stepsPerEpoch: 0 }, ShapeError],
    ["a negative clip norm", { clipNorm: -1 }, ShapeError],
    ["a seed that is no whole number", { seed: Number.NaN }, ShapeError],
    ["checkpoints every zero epochs", { checkpoint: { path: "x", everyEpochs: 0 } }, ShapeError],
    ["early stopping without validation", { earlyStopping: { patience: 1 } }, UsageError],
    [
      "early stopping on an unknown metric",
      { earlyStopping: { patience: 1, watch: "f1" }, validation: data },
      UsageError,
    ],
    ["a schedule that gives NaN", { schedule: () => Number.NaN }, UsageError],
    ["validation that cannot be read", { validation: 7 as never }, UsageError],
  ])("%s is refused", async (_, options, error) => {
    await expect(train(network(), options)).rejects.toThrow(error);
  });

  test("a schedule needs the length of an epoch", async () => {
    const options = { schedule: cosine(), epochs: 1 };
    await expect(train(network(), options, () => samplesOf(data))).rejects.toThrow(/stepsPerEpoch/);
    await train(network(), { ...options, stepsPerEpoch: 2 }, () => samplesOf(data));
  });
});

function noteOf(event: ProgressEvent): string[] {
  return event.kind === "note" ? [event.text] : [];
}
