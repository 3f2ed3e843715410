import { describe, expect, test } from "vitest";
import { valuesOf } from "../../test/support/small-trainings.ts";
import { ShapeError, UnsupportedError } from "../core/errors.ts";
import { MAX_IN_FEATURES } from "../core/ternary-matrix.ts";
import { type Parameter, type Tensor, tensor } from "../tensor/index.ts";
import { relu } from "./activations.ts";
import { convertToBitLinear } from "./convert-to-bit-linear.ts";
import { Module } from "./module.ts";
import { BitConv2d } from "./modules/bit-conv2d.ts";
import { BitLinear } from "./modules/bit-linear.ts";
import { Conv2d } from "./modules/conv2d.ts";
import { Flatten } from "./modules/flatten.ts";
import { Linear } from "./modules/linear.ts";
import { Residual, Sequential } from "./modules/sequential.ts";
import type { Conversion } from "./replace-layers.ts";

/** Layers in fields, in a list, and inside other modules. */
class Nested extends Module {
  readonly convolution = new Conv2d(1, 2, 3, { padding: 1, seed: 1 });
  readonly flatten = new Flatten();
  readonly blocks = [new Residual(new Linear(8, 8, { seed: 2 })), new Sequential(new Linear(8, 8, { seed: 3 }), relu)];
  readonly head = new Linear(8, 3, { bias: false, seed: 4 });

  override forward(x: Tensor): Tensor {
    const features = this.flatten.forward(this.convolution.forward(x));
    return this.head.forward(this.blocks.reduce((value, block) => block.forward(value), features));
  }
}

const paths = ["convolution", "blocks.0.layer", "blocks.1.0", "head"];

function kinds({ model }: Conversion): Record<string, string> {
  const modules = new Map(model.namedModules());
  return Object.fromEntries(paths.map((path) => [path, modules.get(path)?.constructor.name ?? "none"]));
}

test("every layer is converted, wherever it is, with its weights and under its names", async () => {
  const model = new Nested();
  const before = valuesOf(model);
  const conversion = convertToBitLinear(model);
  expect(conversion.model).toBe(model);
  expect(conversion.converted).toEqual(paths);
  expect(conversion.skipped).toEqual([]);
  expect(kinds(conversion)).toEqual({
    convolution: "BitConv2d",
    "blocks.0.layer": "BitLinear",
    "blocks.1.0": "BitLinear",
    head: "BitLinear",
  });
  expect(valuesOf(model)).toEqual(before);
  expect(model.head.bias).toBeUndefined();
  const image = tensor(
    Float32Array.from({ length: 8 }, (_, i) => i),
    [2, 2, 2, 1],
  );
  expect((await model.forward(image).data()).every(Number.isFinite)).toBe(true);
});

test("quantizer, options and activation are handed on", () => {
  const options = { quantizer: "lsq", quantizerOptions: { granularity: "per-channel" }, activation: "none" } as const;
  const { model } = convertToBitLinear(new Sequential(new Linear(4, 3), new Conv2d(3, 2, 1)), options);
  const [linear, convolution] = model.children().map(([, layer]) => layer as BitLinear | BitConv2d);
  expect(linear.activation).toBe("none");
  expect(linear.learnedScale?.shape).toEqual([3]);
  expect(convolution.learnedScale?.shape).toEqual([2]);
  // The learned scale starts from the weights that were taken over: mean |w| of each row.
  const weight = linear.weight.value.subarray(0, 4);
  const mean = weight.reduce((sum, value) => sum + Math.abs(value), 0) / 4;
  expect(Math.abs((linear.learnedScale?.value[0] ?? 0) - mean)).toBeLessThanOrEqual(2 ** -24 * mean);
});

describe("skip", () => {
  test.each<[readonly (string | RegExp)[], string[]]>([
    [["head"], ["head"]],
    [["blocks"], ["blocks.0.layer", "blocks.1.0"]],
    [
      ["blocks.1", /^conv/],
      ["convolution", "blocks.1.0"],
    ],
    [[/layer$/g], ["blocks.0.layer"]],
    [["head", /./], paths],
  ])("%o", (skip, skipped) => {
    const conversion = convertToBitLinear(new Nested(), { skip });
    expect(conversion.skipped).toEqual(skipped);
    expect(conversion.converted).toEqual(paths.filter((path) => !skipped.includes(path)));
    for (const [path, kind] of Object.entries(kinds(conversion))) {
      expect(kind.startsWith("Bit"), path).toBe(!skipped.includes(path));
    }
  });

  test.each<[string | RegExp]>([["heads"], ["hea"], [/tail/], ["flatten"]])(
    "%s matches nothing, and says what there is",
    (entry) => {
      const convert = (): unknown => convertToBitLinear(new Nested(), { skip: [entry] });
      expect(convert).toThrow(UnsupportedError);
      expect(convert).toThrow(/the layers are: convolution, blocks\.0\.layer, blocks\.1\.0, head/);
    },
  );
});

describe("include", () => {
  test("converts what it names, unless skip does too", () => {
    const conversion = convertToBitLinear(new Nested(), { include: ["blocks", /^head$/], skip: ["blocks.1"] });
    expect(conversion.converted).toEqual(["blocks.0.layer", "head"]);
    expect(conversion.skipped).toEqual(["convolution", "blocks.1.0"]);
  });

  test("names a layer in several places by any of them", () => {
    const layer = new Linear(4, 4);
    const model = new Sequential(layer, new Linear(4, 4), layer);
    expect(convertToBitLinear(model, { include: ["2"] }).converted).toEqual(["0", "2"]);
  });

  test("refuses an entry that matches nothing", () => {
    expect(() => convertToBitLinear(new Nested(), { include: ["heads"] })).toThrow("include heads matches no layer");
  });
});

test("a copy leaves the model as it was", () => {
  const model = new Nested();
  const before = valuesOf(model);
  const { model: copy } = convertToBitLinear(model, { inPlace: false });
  expect(copy).not.toBe(model);
  expect(copy).toBeInstanceOf(Nested);
  expect(model.head).toBeInstanceOf(Linear);
  expect((copy as Nested).head).toBeInstanceOf(BitLinear);
  for (const [, parameter] of copy.namedParameters()) parameter.value.fill(7);
  expect(valuesOf(model)).toEqual(before);
});

test("a model that is itself a layer becomes another one", () => {
  const layer = new Linear(4, 2).eval();
  const { model, converted } = convertToBitLinear(layer);
  expect(model).toBeInstanceOf(BitLinear);
  expect(model.isTraining).toBe(false);
  expect(converted).toEqual([""]);
  expect(convertToBitLinear(new Conv2d(1, 1, 1)).model).toBeInstanceOf(BitConv2d);
  expect(convertToBitLinear(new Linear(4, 2), { inPlace: false }).model).toBeInstanceOf(BitLinear);
});

describe("a layer in several places", () => {
  const shared = (): Sequential => {
    const layer = new Linear(4, 4);
    return new Sequential(layer, relu, layer, new Residual(layer));
  };

  test.each([true, false])("becomes one ternary layer (in place: %s)", (inPlace) => {
    const { model, converted } = convertToBitLinear(shared(), { inPlace });
    const [first, second, residual] = model.children().map(([, child]) => child);
    expect(converted).toEqual(["0", "2", "3.layer"]);
    expect(first).toBeInstanceOf(BitLinear);
    expect(second).toBe(first);
    expect((residual as Residual).layer).toBe(first);
  });

  test("stays when one of its places is skipped", () => {
    const { model, converted, skipped } = convertToBitLinear(new Sequential(shared(), new Linear(4, 4)), {
      skip: ["0.2"],
    });
    expect(converted).toEqual(["1"]);
    expect(skipped).toEqual(["0.0", "0.2", "0.3.layer"]);
    expect(model.namedModules().filter(([, module]) => module instanceof Linear)).toHaveLength(3);
  });

  test("is found inside a shared container too", () => {
    const block = new Sequential(new Linear(4, 4));
    const { model, converted } = convertToBitLinear(new Sequential(block, block));
    expect(converted).toEqual(["0.0", "1.0"]);
    expect(block.layers[0]).toBeInstanceOf(BitLinear);
    expect(model.children()[0][1]).toBe(model.children()[1][1]);
  });
});

test("classes of one's own that build on a layer stay", () => {
  class Doubled extends Linear {
    override forward(x: Tensor): Tensor {
      return super.forward(x).mul(2);
    }
  }
  const model = new Sequential(new Doubled(2, 2), new Linear(2, 2));
  expect(convertToBitLinear(model).converted).toEqual(["1"]);
  expect(model.layers[0]).toBeInstanceOf(Doubled);
});

describe("what cannot be converted leaves the model as it was", () => {
  const layersOf = (model: Module): string[] => model.namedModules().map(([, module]) => module.constructor.name);

  test("nothing to convert", () => {
    expect(() => convertToBitLinear(new Sequential(relu, new BitLinear(2, 2)))).toThrow(/no Linear or Conv2d/);
  });

  test("a weight that another module shares", () => {
    class Tied extends Module {
      readonly table: Parameter;
      readonly head = new Linear(2, 3);
      constructor() {
        super();
        this.table = this.head.weight;
      }
      override forward(x: Tensor): Tensor {
        return this.head.forward(x);
      }
    }
    const model = new Tied();
    expect(() => convertToBitLinear(model)).toThrow(/"head" shares its weight with table/);
    expect(model.head).toBeInstanceOf(Linear);
    expect(convertToBitLinear(new Sequential(model, new Linear(3, 3)), { skip: ["0.head"] }).converted).toEqual(["1"]);
  });

  test("a layer that is too wide, after one that is not", () => {
    const model = new Sequential(new Linear(2, 1), new Linear(MAX_IN_FEATURES + 1, 1));
    const before = layersOf(model);
    expect(() => convertToBitLinear(model)).toThrow(ShapeError);
    expect(layersOf(model)).toEqual(before);
  });

  test("an unknown quantizer", () => {
    const model = new Nested();
    const before = layersOf(model);
    expect(() => convertToBitLinear(model, { quantizer: "none such" })).toThrow(UnsupportedError);
    expect(layersOf(model)).toEqual(before);
  });
});
