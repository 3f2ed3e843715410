import { expect, test } from "vitest";
import { UnsupportedError } from "../core/errors.ts";
import { Parameter, type Tensor, tensor } from "../tensor/index.ts";
import { relu } from "./activations.ts";
import { cloneModule } from "./clone.ts";
import { Module } from "./module.ts";
import { BatchNorm } from "./modules/batch-norm.ts";
import { BitConv2d } from "./modules/bit-conv2d.ts";
import { BitLinear } from "./modules/bit-linear.ts";
import { Embedding } from "./modules/embedding.ts";
import { Flatten } from "./modules/flatten.ts";
import { MultiTernaryLinear } from "./modules/multi-ternary-linear.ts";
import { Residual, Sequential } from "./modules/sequential.ts";
import { TransformerBlock } from "./modules/transformer-block.ts";

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

test("a weight that two fields share is shared by the copy's", () => {
  class Tied extends Module {
    readonly first = new Parameter([2], Float32Array.of(1, 2));
    readonly second = this.first;
    override forward(x: Tensor): Tensor {
      return x.mul(this.first).mul(this.second);
    }
  }
  const copy = cloneModule(new Tied());
  copy.first.value = Float32Array.of(3, 4);
  expect(copy.second.value).toEqual(Float32Array.of(3, 4));
});

test("modes and shapes are copied, functions are shared", () => {
  const model = new Sequential(new Embedding(4, 8), relu);
  model.eval();
  model.inputShape = [null];
  const copy = cloneModule(model);
  expect(copy.isTraining).toBe(false);
  expect(copy.inputShape).toEqual([null]);
  expect(copy.inputShape).not.toBe(model.inputShape);
  expect(copy.layers[1]).toBe(relu);
});

test("maps, sets, views of larger arrays and cycles are copied, tensors are shared", () => {
  const view = new Float32Array(1000).subarray(10, 12);
  view.set([5, 6]);
  class Rich extends Module {
    readonly byName = new Map<string, unknown>([["view", view]]);
    readonly known = new Set([view]);
    readonly view = view;
    readonly constant = tensor([1, 2]);
    readonly self: unknown = { back: this };
    override forward(x: Tensor): Tensor {
      return x;
    }
  }
  const model = new Rich();
  const copy = cloneModule(model);
  expect(copy.view).toEqual(Float32Array.of(5, 6));
  expect(copy.view).not.toBe(view);
  expect(copy.view.buffer.byteLength).toBe(8);
  expect(copy.byName.get("view")).toBe(copy.view);
  expect(copy.known.has(copy.view)).toBe(true);
  expect(copy.self).toEqual({ back: copy });
  expect(copy.constant).toBe(model.constant);
  expect([...copy.constant.add(1).dataSync()]).toEqual([2, 3]);
});

test("what cannot be copied is refused by name, not copied broken", () => {
  class Waiting extends Module {
    readonly pending: unknown = new WeakMap();
    override forward(x: Tensor): Tensor {
      return x;
    }
  }
  expect(() => cloneModule(new Waiting())).toThrow(UnsupportedError);
  expect(() => cloneModule(new Sequential(new Waiting()))).toThrow(/pending.*WeakMap/);
});
