/** How a training ends before its time: by a signal, or by numbers that are none. */
import { describe, expect, test } from "vitest";
import { network, points, samplesOf, valuesOf } from "../../../test/support/small-trainings.ts";
import { DivergedError, ShapeError } from "../../core/errors.ts";
import type { Module } from "../module.ts";
import { Linear } from "../modules/linear.ts";
import { sgd } from "../optimizers/index.ts";
import type { Sample, TrainingData } from "./batches.ts";
import { evaluate } from "./evaluate.ts";
import { type FitOptions, fit } from "./fit.ts";
import type { History } from "./history.ts";
import { meanSquaredError } from "./losses.ts";

const data = points(100);

function train(module: Module, options: Partial<FitOptions> = {}, trained: TrainingData = data): Promise<History> {
  return fit(module, trained, { epochs: 2, batchSize: 16, progress: false, ...options });
}

describe("aborting", () => {
  test("before the start nothing is trained or read", async () => {
    const module = network();
    const before = valuesOf(module);
    const history = await train(module, { signal: AbortSignal.abort() }, () => {
      throw new RangeError("read");
    });
    expect(history).toEqual({ epochs: [], stopReason: "aborted", steps: 0, droppedSamples: 0 });
    expect(valuesOf(module)).toEqual(before);
    expect(module.isTraining).toBe(false);
  });

  test("in the middle of an epoch the module keeps what it has learned", async () => {
    const controller = new AbortController();
    const module = network();
    const history = await train(module, {
      signal: controller.signal,
      progress: (event) => {
        if (event.kind === "step" && event.epoch === 2 && event.batch === 3) controller.abort();
      },
    });
    expect(history).toMatchObject({ stopReason: "aborted", steps: 9 });
    expect(history.epochs).toHaveLength(1);
    const afterOne = network();
    await train(afterOne, { epochs: 1 });
    expect(valuesOf(module)).not.toEqual(valuesOf(afterOne));
    expect((await evaluate(module, data)).metrics.accuracy).toBeGreaterThan(0.5);
  });

  test("a timer can do it, although the engine never leaves the thread", async () => {
    const signal = AbortSignal.timeout(50);
    const history = await train(network(), { signal, epochs: 1, stepsPerEpoch: 1e6, batchSize: 1 }, function* () {
      for (;;) yield* samplesOf(data);
    });
    expect(history.stopReason).toBe("aborted");
  });

  test("during validation", async () => {
    const controller = new AbortController();
    const validation = function* (): Generator<Sample> {
      yield* samplesOf(data);
      controller.abort();
      for (;;) yield* samplesOf(data);
    };
    const history = await train(network(), { validation, signal: controller.signal });
    expect(history).toMatchObject({ epochs: [], stopReason: "aborted", steps: 6 });
  });
});

test("an error beside an abort is not hidden by it", async () => {
  const controller = new AbortController();
  const validation = (): Sample[] => {
    controller.abort();
    throw new RangeError("disk gone");
  };
  await expect(train(network(), { validation, signal: controller.signal })).rejects.toThrow("disk gone");
});

describe("divergence", () => {
  test("names the step, and the module keeps the parameters of the last complete epoch", async () => {
    const afterOne = network();
    const options = { optimizer: sgd({ learningRate: 0.1 }), epochs: 3, batchSize: 50 };
    await train(afterOne, { ...options, epochs: 1 });
    const module = network();
    // The third step, the first one of the second epoch, spoils the parameters; the fourth one meets them.
    const failed = train(module, { ...options, schedule: (step) => (step === 2 ? 1e300 : 1) });
    await expect(failed).rejects.toMatchObject({ code: "DIVERGED", step: 4 });
    await expect(failed).rejects.toThrow(/at step 4.*smaller learning rate/);
    expect(valuesOf(module)).toEqual(valuesOf(afterOne));
    expect(module.isTraining).toBe(false);
  });

  test("parameters that overflow in an epoch's last step are noticed before they are kept", async () => {
    const module = network();
    const before = valuesOf(module);
    const schedule = (step: number): number => (step === 5 ? 1e300 : 1);
    const failed = train(module, { epochs: 1, optimizer: sgd({ learningRate: 0.1 }), schedule });
    await expect(failed).rejects.toMatchObject({ code: "DIVERGED", step: 6 });
    expect(valuesOf(module)).toEqual(before);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])("inputs with %d are named", async (value) => {
    const inputs = data.inputs.slice();
    inputs[13] = value;
    const failed = train(network(), {}, { ...data, inputs });
    await expect(failed).rejects.toThrow(DivergedError);
    await expect(failed).rejects.toThrow(/The inputs of sample 6 of the training data hold/);
  });

  test("so are the inputs of an iterable, and targets", async () => {
    const samples = samplesOf(data).with(3, { input: [1, Number.NaN], target: 0 });
    await expect(train(network(), {}, samples)).rejects.toThrow(
      /step 1\. The inputs of sample 3 of this batch hold NaN/,
    );
    const targets = Float32Array.from(data.inputs).fill(Number.POSITIVE_INFINITY, 8, 9);
    const failed = train(new Linear(2, 2), { loss: meanSquaredError }, { ...data, targets, targetShape: [2] });
    await expect(failed).rejects.toThrow(/The targets of sample 4 of the training data hold Infinity/);
  });

  test("classes that do not exist are named", async () => {
    const targets = data.targets.map((target) => target + 5);
    const reason =
      /step 1\. Sample \d+ of this batch has the class [56], and the model has outputs for 2 classes, 0 to 1/;
    for (const wrong of [{ ...data, targets }, samplesOf({ ...data, targets })]) {
      const failed = train(network(), {}, wrong);
      await expect(failed).rejects.toThrow(DivergedError);
      await expect(failed).rejects.toThrow(reason);
    }
  });

  test("so are those of the validation data", async () => {
    const targets = data.targets.map((target, i) => (i === 4 ? 2 : target));
    const failed = train(network(), { validation: { ...data, targets } });
    await expect(failed).rejects.toThrow(ShapeError);
    await expect(failed).rejects.toThrow("Sample 4 of the data has the class 2");
  });
});
