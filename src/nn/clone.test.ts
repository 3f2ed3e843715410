import { expect, test } from "vitest";
import { Parameter, type Tensor, tensor } from "../tensor/index.ts";
import { relu } from "./activations.ts";
import { BatchNorm } from "./batch-norm.ts";
import { BitConv2d } from "./bit-conv2d.ts";
import { BitLinear } from "./bit-linear.ts";
import { cloneModule } from "./clone.ts";
import { Embedding } from "./embedding.ts";
import { Flatten } from "./flatten.ts";
import { Module } from "./module.ts";
import { MultiTernaryLinear } from "./multi-ternary-linear.ts";
import { Residual, Sequential } from "./sequential.ts";
import { TransformerBlock } from "./transformer-block.ts";

const image = tensor(
  Float32Array.from({ length: 32 }, (_, i) => Math.sin(i)),
  [2, 4, 4, 1],
);
const sequence = tensor([0, 1, 2, 3], [2, 2]);

const models: readonly [string, () => Module, Tensor][] = [
  [
    "images",
    () =>
      new Sequential(
        new BitConv2d(1, 2, 3, { padding: 1, quantizer: "lsq" }),
        new BatchNorm(2),
        relu,
        new Flatten(),
        new MultiTernaryLinear(32, 4, { fit: "joint" }),
        new Residual(new BitLinear(4, 4, { quantizer: "paretoq" })),
      ),
    image,
  ],
  ["sequences", () => new Sequential(new Embedding(4, 8), new TransformerBlock(8, 2, { causal: true })), sequence],
];

test.each(models)("a copy computes the same and is independent: %s", async (_, create, x) => {
  const model = create().eval();
  const copy = cloneModule(model);
  const output = await model.forward(x).data();
  expect(await copy.forward(x).data()).toEqual(output);
  expect(copy.stateDict()).toEqual(model.stateDict());
  for (const [, parameter] of copy.namedParameters()) parameter.value.fill(0.25);
  expect(await model.forward(x).data()).toEqual(output);
  expect(await copy.forward(x).data()).not.toEqual(output); // its layers read its own parameters
});

test("what is shared inside a module is shared inside its copy", () => {
  class Tied extends Module {
    first = new BitLinear(3, 3);
    second: BitLinear = this.first;
    table = new Parameter([1]);
    names = ["one", "two"];
    override forward(x: Tensor): Tensor {
      return this.second.forward(this.first.forward(x));
    }
  }
  const model = new Tied();
  const copy = cloneModule(model);
  expect(copy).toBeInstanceOf(Tied);
  expect(copy.second).toBe(copy.first);
  expect(copy.first).not.toBe(model.first);
  expect(copy.table).not.toBe(model.table);
  expect(copy.names).toEqual(model.names);
  expect(copy.names).not.toBe(model.names);
});
