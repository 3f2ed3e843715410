import { expect, test } from "vitest";
import { ShapeError } from "../../core/errors.ts";
import { createQuantizer, quantizers } from "../../quantizers/index.ts";
import { BitLinear } from "./bit-linear.ts";

test.each(quantizers)("$id: ternary() names weights that no scale can come of", async ({ id }) => {
  const layer = new BitLinear(3, 2, { quantizer: id });
  for (const value of [Number.NaN, Number.NEGATIVE_INFINITY, Math.fround(3e38)]) {
    layer.weight.value = new Float32Array(6).fill(value, 2);
    const message = `weights of a ternary layer must be finite and at most 2^64 in magnitude, got ${value} at index 2`;
    await expect(layer.ternary()).rejects.toThrow(message);
    await expect(layer.ternary()).rejects.toThrow(ShapeError);
  }
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
