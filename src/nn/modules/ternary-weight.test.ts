import { expect, test } from "vitest";
import { ShapeError } from "../../core/errors.ts";
import { createQuantizer, quantizers } from "../../quantizers/index.ts";
import { BitConv2d } from "./bit-conv2d.ts";
import { BitLinear } from "./bit-linear.ts";
import { MultiTernaryLinear } from "./multi-ternary-linear.ts";

test.each(quantizers)("$id: ternary() names weights that no scale can come of", async ({ id }) => {
  const layer = new BitLinear(3, 2, { quantizer: id });
  for (const value of [Number.NaN, Number.NEGATIVE_INFINITY, Math.fround(3e38)]) {
    layer.weight.value = new Float32Array(6).fill(value, 2);
    const message = `weights of a ternary layer must be finite and at most 2^64 in magnitude, got ${value} at index 2`;
    await expect(layer.ternary()).rejects.toThrow(message);
    await expect(layer.ternary()).rejects.toThrow(ShapeError);
  }
});

test.each(quantizers)("$id: a layer as it is made has a fair share of trits that are not 0", async ({ id }) => {
  const options = { quantizer: id, seed: 1 };
  const matrices = [
    await new BitLinear(784, 16, options).ternary(),
    await new BitConv2d(32, 16, 3, options).ternary(),
    ...(createQuantizer(id).initialScale
      ? []
      : await new MultiTernaryLinear(784, 16, { ...options, planes: 1 }).ternary()),
  ];
  for (const { trits } of matrices) {
    const share = trits.filter((trit) => trit !== 0).length / trits.length;
    expect(share).toBeGreaterThan(0.25);
  }
});

test("only an absolute threshold moves the range in which weights start", () => {
  const largest = (quantizer: string, threshold?: number): number => {
    const quantizerOptions = threshold === undefined ? {} : { threshold };
    const { weight } = new BitLinear(400, 50, { quantizer, quantizerOptions, seed: 1 });
    return weight.value.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  };
  // The largest of 20,000 uniform values: below the bound, and but for one seed in 10⁸ within a thousandth of it.
  const bounds = quantizers.map(({ id }) => [id, createQuantizer(id).initialBound ?? 1 / 20] as const);
  for (const [id, bound] of bounds) expect(largest(id) / bound).toBeGreaterThan(0.999);
  for (const [id, bound] of bounds) expect(largest(id)).toBeLessThanOrEqual(bound);
  expect(bounds.filter(([, bound]) => bound !== 1 / 20)).toEqual([["threshold", 1.4]]);
  expect(largest("threshold", 0)).toBe(largest("bitnet"));
});

test.each(quantizers.filter(({ id }) => createQuantizer(id).initialScale))(
  "$id: ternary() names a learned scale that is not finite",
  async ({ id }) => {
    const layer = new BitLinear(3, 2, { quantizer: id });
    if (!layer.learnedScale) throw new Error("expected a learned scale");
    layer.learnedScale.value = layer.learnedScale.value.map(() => Number.NaN);
    const message = "the learned scale of a ternary layer must be finite, got NaN at index 0";
    await expect(layer.ternary()).rejects.toThrow(message);
  },
);
