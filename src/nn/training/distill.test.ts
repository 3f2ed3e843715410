import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { liveBuffers } from "../../../test/support/engine-buffers.ts";
import { expectClose } from "../../../test/support/gradients.ts";
import { network, points, samplesOf, valuesOf } from "../../../test/support/small-trainings.ts";
import { ShapeError, UsageError } from "../../core/errors.ts";
import { tensor } from "../../tensor/index.ts";
import { tanh } from "../activations.ts";
import { convertToBitLinear } from "../convert-to-bit-linear.ts";
import { BatchNorm } from "../modules/batch-norm.ts";
import { BitLinear } from "../modules/bit-linear.ts";
import { Dropout } from "../modules/dropout.ts";
import { Flatten } from "../modules/flatten.ts";
import { Linear } from "../modules/linear.ts";
import { Sequential } from "../modules/sequential.ts";
import { sgd } from "../optimizers/index.ts";
import { valueAndGrad } from "../value-and-grad.ts";
import { type DistillOptions, distill } from "./distill.ts";
import { evaluate, predict } from "./evaluate.ts";
import { fit } from "./fit.ts";
import { crossEntropy, klDivergence } from "./losses.ts";
import { warmup } from "./schedules.ts";

const data = points(64);
const oneStep: DistillOptions = {
  epochs: 1,
  batchSize: 64,
  shuffle: false,
  progress: false,
  optimizer: sgd({ learningRate: 0.5 }),
};

/** The parameters after one step of gradient descent on a loss of the outputs. */
async function descended(
  model: Sequential,
  loss: Parameters<typeof valueAndGrad>[2],
): Promise<Record<string, number[]>> {
  const { parameters } = await valueAndGrad(model, { data: data.inputs, shape: [64, 2] }, loss);
  const before = valuesOf(model);
  return Object.fromEntries(
    Object.entries(before).map(([name, values]) => [
      name,
      values.map((value, i) => value - 0.5 * parameters[name].data[i]),
    ]),
  );
}

/** Sums over 64 samples of values below 8, in another order. */
function expectSameValues(actual: Record<string, number[]>, expected: Record<string, number[]>): void {
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const [name, values] of Object.entries(actual)) expectClose(values, expected[name], 64, name);
}

describe("one step follows the gradient of", () => {
  test.each<[string, DistillOptions["logits"], number]>([
    ["the logits alone", { temperature: 3 }, 0],
    ["the logits and the task", { temperature: 2, weight: 0.7 }, 0.4],
  ])("%s", async (_, logits, taskWeight) => {
    const [student, teacher] = [network(1), network(9)] as Sequential[];
    const said = await predict(teacher, data.inputs);
    const { temperature = 2, weight = 1 } = logits as { temperature?: number; weight?: number };
    const expected = await descended(student, (y) =>
      klDivergence({ temperature })(y, tensor(said, [64, 2]))
        .mul(weight)
        .add(crossEntropy(y, tensor(data.targets, [64])).mul(taskWeight)),
    );
    const before = valuesOf(teacher);
    await distill(student, teacher, data, { ...oneStep, logits: logits ?? {}, taskWeight });
    expectSameValues(valuesOf(student), expected);
    expect(valuesOf(teacher)).toEqual(before);
  });

  test("hidden features of one size, by the names of the layers", async () => {
    const [student, teacher] = [network(1), network(9)] as Sequential[];
    const hidden = await predict(teacher.layers[0] as Linear, data.inputs);
    const first = student.layers[0] as Linear;
    const expected = await descended(new Sequential(first), (y) =>
      y
        .sub(tensor(hidden, [64, 8]))
        .square()
        .mean()
        .mul(2),
    );
    const tail = valuesOf(student.layers[2] as Linear);
    const features = [{ student: "0", weight: 2 }];
    await distill(student, teacher, data, { ...oneStep, logits: false, features, taskWeight: 0 });
    expectSameValues({ "0.weight": [...first.weight.value], "0.bias": [...(first.bias?.value ?? [])] }, expected);
    expect(valuesOf(student.layers[2] as Linear)).toEqual(tail); // nothing asks for the outputs
  });
});

test("features of another size are compared through a projection that learns, and leaves no trace in the student", async () => {
  const student = new Sequential(new Linear(2, 3, { seed: 1 }), tanh, new Linear(3, 2, { seed: 2 }));
  const teacher = network(9) as Sequential;
  const names = Object.keys(valuesOf(student));
  const losses: number[] = [];
  await distill(student, teacher, data, {
    ...oneStep,
    epochs: 200,
    optimizer: sgd({ learningRate: 0.3 }),
    logits: false,
    taskWeight: 0,
    features: [{ student: "0", teacher: "0" }],
    onEpochEnd: ({ loss }) => {
      losses.push(loss);
      return undefined;
    },
  });
  // 8 affine functions of 2 inputs are affine functions of 3: the projection can reproduce them.
  expect(losses.at(-1)).toBeLessThan(losses[0] / 50);
  expect(Object.keys(valuesOf(student))).toEqual(names);
});

test("the teacher runs in evaluation mode and keeps its mode and its running statistics", async () => {
  const teacher = new Sequential(
    new Linear(2, 4, { seed: 1 }),
    new BatchNorm(4),
    new Dropout(0.9),
    new Linear(4, 2, { seed: 2 }),
  );
  const before = valuesOf(teacher);
  const [first, second] = [network(1), network(1)];
  await distill(first, teacher, data, { ...oneStep, taskWeight: 0, seed: 1 });
  await distill(second, teacher, data, { ...oneStep, taskWeight: 0, seed: 2 });
  expect(valuesOf(first)).toEqual(valuesOf(second)); // dropout would differ by the seed
  expect(valuesOf(teacher)).toEqual(before);
  expect(teacher.isTraining).toBe(true);
  expect(first.isTraining).toBe(false);
});

test("a converted model comes nearer to its teacher, and validation measures it by the task", async () => {
  const teacher = network(3) as Sequential;
  await fit(teacher, points(400), { epochs: 20, progress: false });
  const student = convertToBitLinear(teacher, { inPlace: false }).model;
  const distance = async (): Promise<number> => {
    const [own, wanted] = await Promise.all([student, teacher].map((model) => predict(model, data.inputs)));
    return Math.hypot(...own.map((value, i) => value - wanted[i]));
  };
  const before = await distance();
  const history = await distill(student, teacher, points(400), {
    epochs: 10,
    validation: points(100, 5),
    progress: false,
    quantizationWarmup: warmup({ warmupSteps: 20 }),
  });
  expect(await distance()).toBeLessThan(before);
  const { metrics, loss } = await evaluate(student, points(100, 5), { loss: crossEntropy });
  expect(history.epochs.at(-1)?.validationMetrics).toEqual(metrics);
  expect(history.epochs.at(-1)?.validationLoss).toBe(loss); // of the student, by the task
});

test("a stopped distillation goes on from its checkpoint to the same bits, projections included", async () => {
  const folder = await mkdtemp(join(tmpdir(), "distill-"));
  try {
    const path = join(folder, "state.safetensors");
    const student = (): Sequential =>
      new Sequential(new BitLinear(2, 5, { seed: 1 }), tanh, new BitLinear(5, 2, { seed: 2 }));
    const options: DistillOptions = { epochs: 3, batchSize: 16, progress: false, features: [{ student: "0" }] };
    const [whole, stopped, resumed] = [student(), student(), student()];
    await distill(whole, network(9), data, options);
    await distill(stopped, network(9), data, {
      ...options,
      checkpoint: { path },
      onEpochEnd: ({ epoch }) => epoch < 2,
    });
    await distill(resumed, network(9), data, { ...options, resume: path });
    expect(valuesOf(resumed)).toEqual(valuesOf(whole));
    expect(valuesOf(stopped)).not.toEqual(valuesOf(whole));
    const other = distill(student(), network(9), data, { ...options, taskWeight: 1, resume: path });
    await expect(other).rejects.toThrow("made with other settings");
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("an abort stops it, and nothing stays in the engine's memory", async () => {
  const run = (): Promise<unknown> => {
    const student = new Sequential(new BitLinear(2, 5, { seed: 1 }), tanh, new BitLinear(5, 2, { seed: 2 }));
    const signal = AbortSignal.timeout(0);
    return distill(student, network(9), data, { ...oneStep, epochs: 3, features: [{ student: "0" }], signal });
  };
  await run();
  const before = liveBuffers();
  expect(await run()).toMatchObject({ stopReason: "aborted" });
  expect(liveBuffers()).toBe(before);
});

test("images become rows for a teacher that takes rows", async () => {
  const student = (...before: Flatten[]): Sequential => new Sequential(...before, new BitLinear(2, 2, { seed: 1 }));
  const [ofImages, ofRows] = [student(new Flatten()), student()];
  const teacher = Object.assign(network(9), { inputShape: [2] });
  await distill(ofImages, teacher, { ...data, inputShape: [1, 2] }, oneStep);
  await distill(ofRows, teacher, data, oneStep);
  expect(Object.values(valuesOf(ofImages))).toEqual(Object.values(valuesOf(ofRows)));
});

describe("what cannot be distilled is refused", () => {
  const options: DistillOptions = { epochs: 1, progress: false };
  test.each<[string, DistillOptions, typeof ShapeError | typeof UsageError, string]>([
    ["nothing", { ...options, logits: false }, UsageError, "fit() trains on the data alone"],
    [
      "path",
      { ...options, features: [{ student: "7" }] },
      UsageError,
      'the student has no layer "7"; its layers are: 0, 2',
    ],
    [
      "teacher's path",
      { ...options, features: [{ student: "0", teacher: "x" }] },
      UsageError,
      "the teacher has no layer",
    ],
    ["weight", { ...options, taskWeight: -1 }, ShapeError, "taskWeight must be a number of at least 0, got -1"],
    ["temperature", { ...options, logits: { temperature: 0 } }, ShapeError, "temperature must be a positive number"],
  ])("%s", async (_, given, kind, message) => {
    const distilled = distill(network(1), network(2), data, given);
    await expect(distilled).rejects.toThrow(kind);
    await expect(distill(network(1), network(2), data, given)).rejects.toThrow(message);
  });

  test("a model that is its own teacher", async () => {
    const model = network(1);
    await expect(distill(model, model, data, options)).rejects.toThrow("share the parameter 0.weight");
  });

  test("features of data that can be read only once, for a student that does not know its input", async () => {
    const student = new Sequential(tanh, new Linear(2, 2));
    const once = samplesOf(data).values();
    const distilled = distill(student, network(9), once, { ...options, features: [{ student: "1", teacher: "2" }] });
    await expect(distilled).rejects.toThrow("features need the shape of one sample");
  });
});
