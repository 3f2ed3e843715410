import { describe, expect, test } from "vitest";
import { ShapeError, UnsupportedError } from "../core/errors.ts";
import { modelFormats } from "../formats/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { relu } from "./activations.ts";
import { estimateMemory } from "./estimate-memory.ts";
import { Module } from "./module.ts";
import { BatchNorm } from "./modules/batch-norm.ts";
import { BitConv2d } from "./modules/bit-conv2d.ts";
import { BitLinear } from "./modules/bit-linear.ts";
import { Flatten } from "./modules/flatten.ts";
import { Linear } from "./modules/linear.ts";
import { MultiTernaryLinear } from "./modules/multi-ternary-linear.ts";
import { Sequential } from "./modules/sequential.ts";

const model = new Sequential(
  new BitConv2d(1, 3, 3),
  new BatchNorm(3),
  relu,
  new Flatten(),
  new BitLinear(12, 7, { quantizer: "twn", bias: false }),
  new MultiTernaryLinear(7, 5, { planes: 2 }),
  new Linear(5, 2),
);
model.inputShape = [4, 4, 1];

describe("of a model", () => {
  test("equals the bytes of the deployed model, in every format", async () => {
    const { packed, float32 } = await estimateMemory(model);
    expect(Object.keys(packed)).toEqual(modelFormats.map(({ id }) => id));
    for (const { id } of modelFormats) {
      using deployed = await model.deploy({ format: id });
      expect(packed[id], id).toBe(deployed.byteLength);
      expect(float32).toBe(deployed.floatByteLength);
    }
  });

  test("is the sum over its layers, which are named as their modules", async () => {
    const { layers, packed, float32 } = await estimateMemory(model);
    const sum = (of: (layer: (typeof layers)[string]) => number): number =>
      Object.values(layers).reduce((total, layer) => total + of(layer), 0);
    expect(sum((layer) => layer.float32)).toBe(float32);
    for (const { id } of modelFormats) expect(sum((layer) => layer.packed[id])).toBe(packed[id]);
    expect(Object.keys(layers)).toEqual(expect.arrayContaining(["0", "4", "5", "6"]));
    expect(layers["6"]).toMatchObject({ float32: 4 * 12, packed: { base3: 4 * 12 } }); // a float layer stays as it is
  });

  test("that cannot be deployed is refused by name", async () => {
    class Product extends Module {
      readonly inner = new Linear(2, 2);
      override forward(x: Tensor): Tensor {
        return this.inner.forward(x).mul(x);
      }
    }
    await expect(estimateMemory(new Sequential(new Product()))).rejects.toThrow(UnsupportedError);
    await expect(estimateMemory(new Sequential(new Product()))).rejects.toThrow(/Product/);
  });
});

describe("of a layer by its sizes", () => {
  test("equals that of such a layer", async () => {
    for (const bias of [true, false]) {
      const sizes = { inFeatures: 33, outFeatures: 17, bias };
      const layer = new BitLinear(33, 17, { bias });
      expect(await estimateMemory(sizes)).toEqual(await estimateMemory(layer));
      const perRow = new BitLinear(33, 17, { bias, quantizerOptions: { granularity: "per-channel" } });
      expect(await estimateMemory({ ...sizes, granularity: "per-channel" })).toEqual(await estimateMemory(perRow));
    }
  });

  test("4096 × 4096 with a scale for each row takes at most 3.40 MB in base3", async () => {
    const { packed, float32 } = await estimateMemory({
      inFeatures: 4096,
      outFeatures: 4096,
      granularity: "per-channel",
    });
    expect(float32).toBe(4 * (4096 * 4096 + 4096));
    expect(packed.base3).toBeLessThanOrEqual(3.4e6);
    expect(packed.base3).toBeGreaterThan((4096 * 4096 * Math.log2(3)) / 8); // or it would not hold the trits
    expect(packed.i2).toBe((4096 * 4096) / 4 + 2 * 4 * 4096);
  });

  test.each([
    { inFeatures: 0, outFeatures: 1 },
    { inFeatures: 1, outFeatures: 1.5 },
  ])("%o is refused", async (sizes) => {
    await expect(estimateMemory(sizes)).rejects.toThrow(ShapeError);
  });
});
