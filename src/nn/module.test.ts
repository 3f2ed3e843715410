import { describe, expect, test } from "vitest";
import { ShapeError, UnsupportedError } from "../core/errors.ts";
import { Parameter, type Tensor, tensor } from "../tensor/index.ts";
import { relu } from "./activations.ts";
import { applyLayer, Module } from "./module.ts";
import { BatchNorm } from "./modules/batch-norm.ts";
import { BitLinear } from "./modules/bit-linear.ts";
import { Dropout } from "./modules/dropout.ts";
import { Sequential } from "./modules/sequential.ts";

/** A module as a user writes it. */
class Perceptron extends Module {
  gain = new Parameter([1], Float32Array.of(2));
  blocks = [new BitLinear(3, 4, { seed: 1 }), new BitLinear(4, 4, { bias: false, seed: 2 })];
  norm = new BatchNorm(4);
  head = new Sequential(new BitLinear(4, 2, { seed: 3 }), relu);
  title = "not a parameter";

  override forward(x: Tensor): Tensor {
    const hidden = this.blocks.reduce((value, block) => relu(block.forward(value)), x);
    return this.head.forward(this.norm.forward(hidden).mul(this.gain));
  }
}

test("parameters are named by the fields that hold them, lists by position", () => {
  expect(new Perceptron().namedParameters().map(([name]) => name)).toEqual([
    "gain",
    "blocks.0.weight",
    "blocks.0.bias",
    "blocks.1.weight",
    "norm.weight",
    "norm.bias",
    "norm.runningMean",
    "norm.runningVar",
    "head.0.weight",
    "head.0.bias",
  ]);
});

test("parameters() leaves out buffers", () => {
  const model = new Perceptron();
  expect(model.parameters()).not.toContain(model.norm.runningMean);
  expect(model.parameters().length).toBe(model.namedParameters().length - 2);
});

test("modules have paths too, the model itself the empty one", () => {
  const model = new Perceptron();
  expect(model.namedModules().map(([path]) => path)).toEqual(["", "blocks.0", "blocks.1", "norm", "head", "head.0"]);
  expect(model.children().map(([name]) => name)).toEqual(["blocks.0", "blocks.1", "norm", "head"]);
});

test("train() and eval() reach every module and can be chained", () => {
  const model = new Perceptron();
  expect(model.eval()).toBe(model);
  expect(model.namedModules().every(([, module]) => !module.isTraining)).toBe(true);
  model.train();
  expect(model.norm.isTraining).toBe(true);
  expect(model.train(false).head.isTraining).toBe(false);
});

test("replaceChild puts a module into a field, a list or a chain", () => {
  const model = new Perceptron();
  const [other, another, third] = [new BitLinear(3, 4), new Dropout(0.1), new BitLinear(4, 2)];
  model.replaceChild("blocks.0", other);
  model.replaceChild("norm", another);
  model.head.replaceChild("0", third);
  expect(model.children()).toEqual([
    ["blocks.0", other],
    ["blocks.1", model.blocks[1]],
    ["norm", another],
    ["head", model.head],
  ]);
  expect(model.head.children()).toEqual([["0", third]]);
});

describe("deploy", () => {
  test("a module of one's own in ten lines deploys when its forward pass is a chain", async () => {
    class Small extends Module {
      first = new BitLinear(3, 4, { seed: 1 });
      second = new BitLinear(4, 2, { seed: 2 });

      override forward(x: Tensor): Tensor {
        return this.second.forward(relu(this.first.forward(x)));
      }
    }
    const model = new Small();
    using deployed = await model.deploy({ inputShape: [3] });
    const x = Float32Array.of(1, -2, 3, 0.5, 0.25, -1);
    expect(await deployed.run(x)).toEqual(await model.forward(tensor(x, [2, 3])).data());
    expect(deployed.graph.nodes.map(({ name }) => name)).toEqual(["first", "relu", "second"]);
  });

  test("any other is refused by name", async () => {
    const model = new Sequential(new BitLinear(3, 3), new Perceptron());
    await expect(model.deploy()).rejects.toThrow(
      new UnsupportedError(
        'module "1" (Perceptron) cannot be deployed through its children: its forward pass is not a chain of them. Define lower(graph, input, name) beside its forward',
      ),
    );
  });

  test("format and input shape are options; an unknown format is refused", async () => {
    using model = await new BitLinear(4, 2).deploy({ format: "i2", inputShape: [null, 4] });
    expect(model.graph.nodes[0].tensors.weight).toMatchObject({ kind: "ternary", format: "i2" });
    expect(model.graph.inputShape).toEqual([null, 4]);
    await expect(new BitLinear(4, 2).deploy({ format: "i3" })).rejects.toThrow(UnsupportedError);
  });
});

test("a layer is a module or a function", () => {
  const x = tensor([-1, 2], [1, 2]);
  expect(applyLayer(relu, x).dataSync()).toEqual(Float32Array.of(0, 2));
  expect(applyLayer(new Dropout(0), x)).toBe(x);
  expect(() => applyLayer("relu" as unknown as typeof relu, x)).toThrow(
    new UnsupportedError("a layer must be a Module or an activation such as relu, got string"),
  );
});

test("a forward pass refuses what does not fit, with both shapes", () => {
  expect(() => new BitLinear(3, 4).forward(tensor([1, 2, 3, 4], [2, 2]))).toThrow(
    new ShapeError("BitLinear needs an input of shape [batch, ..., 3], got [2, 2]"),
  );
});
