import { expect, test } from "vitest";
import { UnsupportedError } from "../core/errors.ts";
import type { Tensor } from "../tensor/index.ts";
import { gelu, relu } from "./activations.ts";
import { lowerModule } from "./deploy.ts";
import { Module } from "./module.ts";
import { BitLinear } from "./modules/bit-linear.ts";
import { Dropout } from "./modules/dropout.ts";
import { Residual } from "./modules/sequential.ts";

/** A module whose forward pass is given. */
class Composite extends Module {
  first = new BitLinear(4, 4, { seed: 1 });
  second = new BitLinear(4, 4, { seed: 2 });
  dropout = new Dropout(0.5);
  readonly run: (self: Composite, x: Tensor) => Tensor;

  constructor(run: (self: Composite, x: Tensor) => Tensor) {
    super();
    this.run = run;
  }

  override forward(x: Tensor): Tensor {
    return this.run(this, x);
  }
}

async function namesOf(module: Module): Promise<string[]> {
  return (await lowerModule(module, {})).nodes.map(({ name, inputs }) => `${name}(${inputs.join(", ")})`);
}

test("a chain yields its steps in the order they ran, activations among them", async () => {
  const chain = new Composite((self, x) => gelu(self.first.forward(relu(self.second.forward(x)))));
  expect(await namesOf(chain)).toEqual(["second(0)", "relu(1)", "first(2)", "gelu(3)"]);
});

test("a child may run twice, and one that is the identity leaves no operation", async () => {
  const twice = new Composite((self, x) => self.first.forward(self.dropout.forward(self.first.forward(x))));
  expect(await namesOf(twice)).toEqual(["first(0)", "first#2(1)"]);
});

test("chains may be nested: names are paths", async () => {
  const inner = new Composite((self, x) => self.first.forward(x));
  class Outer extends Module {
    blocks = [inner];
    override forward(x: Tensor): Tensor {
      return relu(this.blocks[0].forward(x));
    }
  }
  expect(await namesOf(new Outer())).toEqual(["blocks.0.first(0)", "relu(1)"]);
  expect(await namesOf(new Residual(inner))).toEqual(["layer.first(0)", "add(0, 1)"]);
});

test.each<[string, (self: Composite, x: Tensor) => Tensor]>([
  ["arithmetic of its own", (self, x) => self.first.forward(x).mul(2)],
  ["arithmetic before its children", (self, x) => self.first.forward(x.add(1))],
  ["a sum of branches", (self, x) => self.first.forward(x).add(self.second.forward(x))],
  [
    "branches from one value, of which one is dropped",
    (self, x) => {
      self.first.forward(x);
      return self.second.forward(x);
    },
  ],
  [
    "a result before the last",
    (self, x) => {
      const y = self.first.forward(x);
      self.second.forward(y);
      return y;
    },
  ],
  ["no step at all", (_, x) => x],
  ["a look at the shape", (self, x) => (x.shape.length > 1 ? self.first.forward(x) : x)],
])("%s is no chain", async (_, run) => {
  const module = new Composite(run);
  await expect(lowerModule(module, {})).rejects.toThrow(
    new UnsupportedError(
      "the model (Composite) cannot be deployed through its children: its forward pass is not a chain of them. Define lower(graph, input, name) beside its forward",
    ),
  );
  expect(Object.hasOwn(module.first, "forward")).toBe(false); // the recording is undone
});

test("an error of the forward pass itself comes through", async () => {
  const failing = new Composite(() => {
    throw new RangeError("of its own");
  });
  await expect(lowerModule(failing, {})).rejects.toThrow(new RangeError("of its own"));
  expect(Object.hasOwn(failing.first, "forward")).toBe(false);
});
