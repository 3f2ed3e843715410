import { expect, test } from "vitest";
import { UnsupportedError } from "../../core/errors.ts";
import { tensor } from "../../tensor/index.ts";
import { relu } from "../activations.ts";
import { lowerModule } from "../deploy.ts";
import type { Layer } from "../module.ts";
import { BitLinear } from "./bit-linear.ts";
import { Linear } from "./linear.ts";
import { pathOf, Residual, Sequential } from "./sequential.ts";

test("layers run one after another, functions among them", async () => {
  const [first, second] = [new Linear(2, 3, { seed: 1 }), new Linear(3, 1, { seed: 2 })];
  const x = tensor([1, -2, 3, 4], [2, 2]);
  const expected = second.forward(relu(first.forward(x)));
  expect(await new Sequential(first, relu, second).forward(x).data()).toEqual(await expected.data());
  expect(await new Sequential().forward(x).data()).toEqual(await x.data());
});

test("modules are named by their position, functions counted", () => {
  const model = new Sequential(new Linear(2, 3), relu, new Sequential(relu, new Linear(3, 1)));
  expect(model.namedParameters().map(([name]) => name)).toEqual(["0.weight", "0.bias", "2.1.weight", "2.1.bias"]);
});

test("the input shape is that of the first layer, where it is a module", () => {
  expect(new Sequential(new BitLinear(5, 2)).inputShape).toEqual([5]);
  expect(new Sequential(relu, new BitLinear(5, 2)).inputShape).toBeUndefined();
  expect(new Residual(new BitLinear(5, 5)).inputShape).toEqual([5]);
});

test("a residual adds what its layer gives", async () => {
  const layer = new Linear(2, 2, { seed: 1 });
  const x = tensor([1, -2], [1, 2]);
  expect(await new Residual(layer).forward(x).data()).toEqual(await x.add(layer.forward(x)).data());
  expect(await new Residual(relu).forward(x).data()).toEqual(Float32Array.of(2, -2));
});

test("deployed, names are paths and a residual reads its input twice", async () => {
  const model = new Sequential(new BitLinear(3, 3), relu, new Residual(new Sequential(new BitLinear(3, 3), relu)));
  const { nodes, output } = await lowerModule(model, {});
  expect(nodes.map(({ name, op, inputs }) => [name, op, inputs])).toEqual([
    ["0", "ternary-linear", [0]],
    ["1", "activation", [1]],
    ["2.layer.0", "ternary-linear", [2]],
    ["2.layer.1", "activation", [3]],
    ["2.add", "add", [2, 4]],
  ]);
  expect(output).toBe(5);
});

test("what is no layer is refused when it runs", () => {
  const model = new Sequential({} as Layer);
  expect(() => model.forward(tensor([1], [1, 1]))).toThrow(UnsupportedError);
});

test("a function that is no activation is named when it is deployed", async () => {
  const double = ((x) => x.mul(2)) as Layer;
  const model = new Sequential(new Linear(1, 1), new Residual(double));
  const message = 'layer "1.layer" is a function that deployed models do not know';
  await expect(lowerModule(model, {})).rejects.toThrow(UnsupportedError);
  await expect(lowerModule(model, {})).rejects.toThrow(message);
});

test("the path of a child of the model is its name", () => {
  expect(pathOf("", "head")).toBe("head");
  expect(pathOf("blocks.0", "head")).toBe("blocks.0.head");
});
