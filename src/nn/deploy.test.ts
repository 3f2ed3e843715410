/** What deploys, what is refused, and that the mode of a module does not matter. */
import { expect, test } from "vitest";
import { openBackend } from "../backends/index.ts";
import { UnsupportedError } from "../core/errors.ts";
import { formats, modelFormats } from "../formats/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { relu } from "./activations.ts";
import { packedTensor } from "./deploy.ts";
import { Module } from "./module.ts";
import { BitLinear } from "./modules/bit-linear.ts";
import { RMSNorm } from "./modules/rms-norm.ts";
import { Sequential } from "./modules/sequential.ts";
import { predict } from "./training/evaluate.ts";
import { fit } from "./training/fit.ts";

class Doubled extends BitLinear {
  override forward(x: Tensor): Tensor {
    return super.forward(x).mul(2);
  }
}

class Reversed extends Sequential {
  override forward(x: Tensor): Tensor {
    return this.layers.toReversed().reduce((value, layer) => (layer as BitLinear).forward(value), x);
  }
}

test("a forward that is changed without its lower is refused by name", async () => {
  await expect(new Doubled(2, 2).deploy()).rejects.toThrow("the model (Doubled) has a forward of its own");
  const inside = new Sequential(new BitLinear(2, 2), new Doubled(2, 2));
  await expect(inside.deploy()).rejects.toThrow('module "1" (Doubled)');
  await expect(new Reversed(new BitLinear(2, 2), new BitLinear(2, 2)).deploy()).rejects.toThrow("Reversed");
  const patched = new BitLinear(2, 2);
  patched.forward = (x) => x;
  await expect(patched.deploy()).rejects.toThrow("the model (BitLinear)");
});

class Narrowing extends Module {
  first: BitLinear = new BitLinear(3, 3, { seed: 1 });
  second: BitLinear = new BitLinear(3, 2, { seed: 2 });
  override inputShape: readonly number[] = [3];

  forward(x: Tensor): Tensor {
    const hidden = relu(this.first.forward(x));
    return this.isTraining ? hidden : this.second.forward(hidden);
  }
}

test("what deploys is the forward pass of evaluation, whatever the mode", async () => {
  const model = new Narrowing();
  const x = Float32Array.of(0.5, -1, 2);
  using deployed = await model.deploy();
  expect(model.isTraining && model.first.isTraining).toBe(true);
  expect(await deployed.run(x)).toEqual(await predict(model, x));
  expect(deployed.graph.nodes).toHaveLength(3);
});

test("a module deploys to a backend by name, or one that is open", async () => {
  using named = await new Narrowing().deploy({ backend: "reference" });
  using given = await new Narrowing().deploy({ backend: { ...(await openBackend("reference")), id: "given" } });
  expect([named.backend, given.backend]).toEqual(["reference", "given"]);
});

test("a module that contains itself is refused by path", async () => {
  const model = new Narrowing();
  Reflect.set(model.first, "parent", model);
  await expect(model.deploy()).rejects.toThrow('module "first.parent" (Narrowing) contains itself');
  expect(() => model.parameters()).toThrow("first.parent");
});

test("formats that model files cannot hold are refused with those they can", async () => {
  for (const { id } of formats.filter((format) => !modelFormats.includes(format))) {
    await expect(new BitLinear(256, 2).deploy({ format: id })).rejects.toThrow(
      `model files cannot hold the format "${id}": they store one scale, or one per row, beside the bytes; choose one of: base3, i2`,
    );
  }
  await expect(new BitLinear(2, 2).deploy({ format: "q4" })).rejects.toThrow('there is no format "q4"');
});

test("scales of groups within rows are refused", () => {
  const matrix = {
    outFeatures: 1,
    inFeatures: 4,
    trits: new Int8Array(4),
    scales: Float32Array.of(1, 2),
    groupSize: 2,
  };
  expect(() => packedTensor(matrix, modelFormats[0].id)).toThrow(UnsupportedError);
});

test("a parameter that is not finite is named", async () => {
  for (const path of ["0.weight", "0.bias", "1.weight"]) {
    const model = new Sequential(new BitLinear(2, 2, { quantizer: "twn" }), new RMSNorm(2));
    const state = model.stateDict();
    state[path].data[1] = Number.NaN;
    model.loadStateDict(state);
    await expect(model.deploy()).rejects.toThrow(
      `parameter "${path}" must be finite to be deployed, got NaN at index 1`,
    );
  }
});

test("a model of rows that was trained on sequences takes sequences of any length", async () => {
  const model = new Sequential(new BitLinear(3, 4, { seed: 1 }), new BitLinear(4, 2, { seed: 2 }));
  const inputs = Float32Array.from({ length: 4 * 5 * 3 }, (_, i) => Math.sin(i));
  const data = { name: "rows", inputs, inputShape: [5, 3], targets: new Int32Array(20), targetShape: [5] };
  await fit(model, data, { epochs: 1, batchSize: 2, progress: false });
  using deployed = await model.deploy();
  expect(deployed.graph.inputShape).toEqual([null, 3]);
  expect((await deployed.runTensor(inputs)).shape).toEqual([4, 5, 2]);
  expect((await deployed.runTensor(inputs, { shape: [2, 10, 3] })).shape).toEqual([2, 10, 2]);
  await expect(deployed.run(inputs, { shape: [20, 3] })).rejects.toThrow("[batch, any, 3], got [20, 3]");
});
