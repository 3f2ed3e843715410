import { describe, expect, test } from "vitest";
import { network, points, statefulNetwork, valuesOf } from "../../../test/support/small-trainings.ts";
import { ShapeError, UsageError } from "../../core/errors.ts";
import { tensor } from "../../tensor/index.ts";
import { BatchNorm } from "../modules/batch-norm.ts";
import { Linear } from "../modules/linear.ts";
import { Sequential } from "../modules/sequential.ts";
import { evaluate, predict } from "./evaluate.ts";
import { crossEntropy, meanSquaredError } from "./losses.ts";

const data = points(300);

describe("evaluate", () => {
  test("is the mean over all samples, whatever the size of batches", async () => {
    const module = network();
    const whole = await evaluate(module, data, { loss: crossEntropy, batchSize: 300 });
    const parts = await evaluate(module, data, { loss: crossEntropy, batchSize: 77 });
    expect(parts.metrics).toEqual(whole.metrics);
    // Means over at most 300 values below 2, each sum rounded once an addition.
    expect(Math.abs((parts.loss ?? 0) - (whole.loss ?? 9))).toBeLessThanOrEqual(300 * 2 ** -24 * 2);
    const logits = await module.forward(tensor(data.inputs, [300, 2])).data();
    const right = [...data.targets].filter((target, i) => logits[2 * i + target] > logits[2 * i + 1 - target]);
    expect(whole.metrics.accuracy).toBe(right.length / 300);
  });

  test("without a loss has none, and without class targets no accuracy", async () => {
    expect(await evaluate(network(), data)).toEqual({ metrics: { accuracy: expect.any(Number) } });
    const regression = { ...data, targets: data.inputs, targetShape: [2] };
    expect(await evaluate(network(), regression, { loss: meanSquaredError })).toEqual({
      loss: expect.any(Number),
      metrics: {},
    });
  });

  test("changes neither parameters nor modes", async () => {
    const module = statefulNetwork();
    module.namedModules()[2][1].eval();
    const modes = (): boolean[] => module.namedModules().map(([, { isTraining }]) => isTraining);
    const before = { values: valuesOf(module), modes: modes() };
    await evaluate(module, data, { loss: crossEntropy });
    expect({ values: valuesOf(module), modes: modes() }).toEqual(before);
  });

  test("uses running statistics and no dropout: twice the same", async () => {
    const module = statefulNetwork();
    const twice = [
      await evaluate(module, data, { loss: crossEntropy }),
      await evaluate(module, data, { loss: crossEntropy }),
    ];
    expect(twice[1]).toEqual(twice[0]);
  });

  test("stops on a signal", async () => {
    await expect(evaluate(network(), data, { signal: AbortSignal.abort(new RangeError("enough")) })).rejects.toThrow(
      "enough",
    );
  });

  test.each<[string, unknown, typeof ShapeError | typeof UsageError]>([
    ["nothing", undefined, UsageError],
    ["no samples", [], UsageError],
    ["a dataset that does not fit together", { ...data, targets: new Int32Array(3) }, ShapeError],
    ["inputs of another size", { ...data, inputShape: [4], targets: new Int32Array(150) }, ShapeError],
  ])("%s is refused", async (_, given, error) => {
    await expect(evaluate(network(), given as never)).rejects.toThrow(error);
  });

  test.each([2, -1])("a class %s of two is refused, with and without a loss", async (target) => {
    const targets = Int32Array.from(data.targets, (right, i) => (i === 290 ? target : right));
    const reason = `Sample 290 of the data has the class ${target}, and the model has outputs for 2 classes, 0 to 1`;
    for (const options of [{}, { loss: crossEntropy }, { loss: crossEntropy, batchSize: 7 }]) {
      const failed = evaluate(network(), { ...data, targets }, options);
      await expect(failed).rejects.toThrow(ShapeError);
      await expect(failed).rejects.toThrow(reason);
    }
    const samples = [{ input: [0, 0], target }];
    await expect(evaluate(network(), samples, { loss: crossEntropy })).rejects.toThrow("Sample 0 of the data");
  });

  test("indices with one output each are no classes", async () => {
    const targets = new Int32Array(300).fill(7);
    const { loss } = await evaluate(
      new Linear(2, 1),
      { ...data, targets, targetShape: [1] },
      { loss: meanSquaredError, metrics: [] },
    );
    expect(loss).toBeGreaterThan(0);
  });

  test("so is a batch size of zero", async () => {
    await expect(evaluate(network(), data, { batchSize: 0 })).rejects.toThrow(ShapeError);
  });
});

describe("predict", () => {
  test("gives the outputs of all samples in order, in evaluation mode", async () => {
    const module = new Sequential(new Linear(2, 3), new BatchNorm(3));
    const inOne = await predict(module, data.inputs, { batchSize: 300 });
    expect(await predict(module, data.inputs, { batchSize: 7 })).toEqual(inOne);
    module.eval();
    expect(inOne).toEqual(await module.forward(tensor(data.inputs, [300, 2])).data());
  });

  test("takes any list of numbers, as run does", async () => {
    const expected = await predict(network(), data.inputs);
    expect(await predict(network(), [...data.inputs])).toEqual(expected);
  });

  test("needs whole samples of a known shape", async () => {
    await expect(predict(network(), data.inputs.subarray(1))).rejects.toThrow(ShapeError);
    await expect(predict(network(), new Float32Array(0))).rejects.toThrow(ShapeError);
    await expect(predict(network(), data.inputs, { batchSize: 0.5 })).rejects.toThrow(ShapeError);
    const unknown = network();
    unknown.inputShape = undefined;
    await expect(predict(unknown, data.inputs)).rejects.toThrow(/pass \{ inputShape \}/);
    unknown.inputShape = [null, 2];
    await expect(predict(unknown, data.inputs)).rejects.toThrow(/pass \{ inputShape \}/);
    expect(await predict(unknown, data.inputs, { inputShape: [2] })).toEqual(await predict(network(), data.inputs));
  });
});
