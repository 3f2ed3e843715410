import { describe, expect, test } from "vitest";
import { liveBuffers } from "../../../test/support/engine-buffers.ts";
import { network, points, statefulNetwork, valuesOf, XOR } from "../../../test/support/small-trainings.ts";
import { ShapeError } from "../../core/errors.ts";
import { quantizers } from "../../quantizers/index.ts";
import { lift, Parameter, type Tensor } from "../../tensor/index.ts";
import { Module } from "../module.ts";
import { BitLinear } from "../modules/bit-linear.ts";
import { Linear } from "../modules/linear.ts";
import { MultiTernaryLinear } from "../modules/multi-ternary-linear.ts";
import { Sequential } from "../modules/sequential.ts";
import { adamW, sgd } from "../optimizers/index.ts";
import { valueAndGrad } from "../value-and-grad.ts";
import { type Batch, batchesOf } from "./batches.ts";
import { evaluate, predict } from "./evaluate.ts";
import { fit } from "./fit.ts";
import { crossEntropy } from "./losses.ts";
import { lossObjective } from "./objective.ts";
import { type StepOptions, TrainingState } from "./training-step.ts";

const options = { optimizer: adamW(), seed: 1, needsOutputs: true };

function stepOptions(module: Module): StepOptions {
  return { ...options, objective: lossObjective(module, crossEntropy) };
}

async function firstBatch(data = XOR): Promise<Batch> {
  const { value } = await batchesOf(data, 0, { batchSize: 4 }).next();
  return value as Batch;
}

describe("nothing leaks", () => {
  const data = points(100);

  test("over five epochs, with everything that has a state", async () => {
    const module = statefulNetwork();
    const found: number[] = [];
    await fit(module, data, {
      epochs: 5,
      batchSize: 16,
      clipNorm: 1,
      validation: points(300, 2),
      earlyStopping: { patience: 9 },
      progress: false,
      onEpochEnd: () => {
        found.push(liveBuffers());
        return undefined;
      },
    });
    expect(found).toHaveLength(5);
    expect(new Set(found)).toEqual(new Set([found[0]]));
    expect(liveBuffers()).toBeLessThan(found[0]);
  });

  /** Number of buffers a repeated run leaves behind; the first run fills what lives as long as the process. */
  async function leftBy(run: () => Promise<unknown>): Promise<number> {
    await run();
    const before = liveBuffers();
    for (let i = 0; i < 3; i++) await run();
    return liveBuffers() - before;
  }

  const quick = { epochs: 1, batchSize: 16, progress: false };
  test.each<[string, () => Promise<unknown>]>([
    ["fit", () => fit(statefulNetwork(), data, quick)],
    ["fit with validation", () => fit(network(), data, { ...quick, validation: data })],
    ["an aborted fit", () => fit(network(), data, { ...quick, signal: AbortSignal.abort() })],
    ["a fit that diverges", () => fit(network(), data, { ...quick, schedule: () => 1e300 }).catch(() => {})],
    [
      "a fit that does not match its data",
      () => fit(new Linear(2, 3), { ...data, targetShape: [1] }, quick).catch(() => {}),
    ],
    ["evaluate", () => evaluate(statefulNetwork(), data, { loss: crossEntropy })],
    ["predict", () => predict(statefulNetwork(), data.inputs)],
    [
      "valueAndGrad",
      () => valueAndGrad(statefulNetwork(), { data: data.inputs, shape: [100, 2] }, (y) => y.square().mean()),
    ],
    [
      "valueAndGrad that fails",
      () => valueAndGrad(network(), { data: data.inputs, shape: [40, 5] }, (y) => y.mean()).catch(() => {}),
    ],
    ...quantizers.map(({ id }): [string, () => Promise<unknown>] => {
      const layer = new BitLinear(20, 3, { quantizer: id });
      return [`deploying ${id}`, async () => (await layer.deploy())[Symbol.dispose]()];
    }),
    ["deploying several planes", async () => (await new MultiTernaryLinear(20, 3).deploy())[Symbol.dispose]()],
  ])("by %s", async (_, run) => {
    expect(await leftBy(run)).toBe(0);
  });
});

test("a step is traced once, whatever the step and the learning rate", async () => {
  let traces = 0;
  class Counting extends Module {
    readonly inner = new Linear(2, 2);
    override forward(x: Tensor): Tensor {
      traces++;
      return this.inner.forward(x);
    }
  }
  using state = new TrainingState(stepOptions(new Counting()));
  const batch = await firstBatch();
  for (const [i, rate] of [0.1, 0.2, 0.2, 0.05].entries()) await state.run(batch, i + 1, rate);
  expect(traces).toBe(1);
});

test("random draws are those of the seed and the step", async () => {
  class Noisy extends Module {
    readonly weight = new Parameter([1], Float32Array.of(1));
    override forward(x: Tensor): Tensor {
      return x.randomUniform().add(x.randomUniform()).mul(this.weight);
    }
  }
  const batch = await firstBatch();
  const draw = async (seed: number, step: number): Promise<string> => {
    using state = new TrainingState({ ...stepOptions(new Noisy()), seed });
    return (await state.run(batch, step, 0)).outputs.join();
  };
  const drawn = [await draw(1, 1), await draw(1, 2), await draw(2, 1)];
  expect(new Set(drawn).size).toBe(3);
  expect(await draw(1, 2)).toBe(drawn[1]);
});

test("buffers take the values that forward gives them, in training only", async () => {
  class Counting extends Module {
    readonly weight = new Parameter([1], Float32Array.of(1));
    readonly calls = new Parameter([1], Float32Array.of(10), false);
    readonly untouched = new Parameter([2], Float32Array.of(3, 4), false);
    override forward(x: Tensor): Tensor {
      if (this.isTraining) this.calls.assign(lift(this.calls).add(1));
      return x.mul(this.weight).add(this.calls);
    }
  }
  const module = new Counting();
  await fit(module, points(48), { epochs: 2, batchSize: 16, validation: points(20), progress: false });
  expect([...module.calls.value]).toEqual([16]);
  expect([...module.untouched.value]).toEqual([3, 4]);
});

test("parameters reach the host by sync, and not before", async () => {
  const module = network();
  const before = valuesOf(module);
  using state = new TrainingState(stepOptions(module));
  await state.run(await firstBatch(), 1, 0.1);
  expect(valuesOf(module)).toEqual(before);
  await state.sync();
  expect(valuesOf(module)).not.toEqual(before);
});

test("outputs are read only when they are asked for", async () => {
  using asking = new TrainingState(stepOptions(network()));
  using silent = new TrainingState({ ...stepOptions(network()), needsOutputs: false });
  const batch = await firstBatch();
  const [asked, not] = [await asking.run(batch, 1, 0.1), await silent.run(batch, 1, 0.1)];
  expect(asked.outputs).toHaveLength(8);
  expect(not).toEqual({ loss: asked.loss, outputs: new Float32Array(0) });
});

describe("a layer in several places", () => {
  const data = points(64);

  /** y = W(W x + b) + b, by one layer, or by its own formula. */
  class Twice extends Module {
    readonly layer = new Linear(2, 2, { seed: 3 });
    readonly again = this.layer;
    override forward(x: Tensor): Tensor {
      return this.again.forward(this.layer.forward(x));
    }
  }
  class ByHand extends Module {
    readonly weight = new Parameter([2, 2], new Linear(2, 2, { seed: 3 }).weight.value);
    readonly bias = new Parameter([2], new Linear(2, 2, { seed: 3 }).bias?.value);
    override forward(x: Tensor): Tensor {
      const once = (value: Tensor): Tensor => value.matmulTransposed(this.weight).add(this.bias);
      return once(once(x));
    }
  }

  test("is trained once, with its gradients added up", async () => {
    const [shared, byHand] = [new Twice(), new ByHand()];
    const training = { epochs: 2, batchSize: 16, optimizer: sgd({ learningRate: 0.1, momentum: 0.5 }), clipNorm: 0.5 };
    await fit(shared, data, { ...training, progress: false });
    await fit(byHand, data, { ...training, progress: false });
    expect([...shared.layer.weight.value]).toEqual([...byHand.weight.value]);
  });

  test("has its whole gradient under each of its names", async () => {
    const input = { data: data.inputs, shape: [64, 2] };
    const shared = await valueAndGrad(new Twice(), input, (y) => y.square().mean());
    const byHand = await valueAndGrad(new ByHand(), input, (y) => y.square().mean());
    expect(shared.parameters["layer.weight"]).toEqual(byHand.parameters.weight);
    expect(shared.parameters["again.weight"]).toEqual(byHand.parameters.weight);
    expect(shared.parameters["again.bias"]).toEqual(byHand.parameters.bias);
  });

  test("is evaluated like its formula", async () => {
    const shared = await predict(new Twice(), data.inputs, { inputShape: [2] });
    expect(shared).toEqual(await predict(new ByHand(), data.inputs, { inputShape: [2] }));
    const chained = new Linear(2, 2, { seed: 3 });
    expect(await predict(new Sequential(chained, chained), data.inputs)).toEqual(shared);
  });
});

test("a batch that does not fit leaves the state usable", async () => {
  using state = new TrainingState(stepOptions(network()));
  const batch = await firstBatch();
  await expect(state.run({ ...batch, inputShape: [1, 2], targetShape: [2] }, 1, 0.1)).rejects.toThrow(ShapeError);
  expect((await state.run(batch, 1, 0.1)).loss).toBeGreaterThan(0);
});
