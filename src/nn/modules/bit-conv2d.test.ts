import { expect, test } from "vitest";
import { expectClose } from "../../../test/support/gradients.ts";
import { activationRule } from "../../activation-rules/index.ts";
import { UnsupportedError } from "../../core/errors.ts";
import { RandomSource } from "../../core/random.ts";
import { dequantize } from "../../core/ternary-matrix.ts";
import { type Tensor, tensor } from "../../tensor/index.ts";
import { valueAndGrad } from "../value-and-grad.ts";
import { BitConv2d } from "./bit-conv2d.ts";
import { Conv2d } from "./conv2d.ts";

const shape = [3, 6, 5, 2];
const images = normals(3 * 6 * 5 * 2, 1);

function normals(size: number, seed: number): Float32Array {
  const random = new RandomSource(seed);
  return Float32Array.from({ length: size }, () => random.normal());
}

function weighted(y: Tensor): Tensor {
  return y.mul(tensor(normals(y.size, 2), y.shape)).sum();
}

/** Images as the layer sees them: codes times scale. */
function seen(x: Float32Array): Float32Array {
  const size = x.length / shape[0];
  const codes = new Float32Array(size);
  const result = new Float32Array(x.length);
  for (let image = 0; image < shape[0]; image++) {
    const scale = activationRule("int8").encode(x.subarray(image * size, (image + 1) * size), codes);
    result.set(
      codes.map((code) => code * scale),
      image * size,
    );
  }
  return result;
}

/**
 * Straight-through says: the gradient in the input is that of a float convolution with the real weights trit · scale, the
 * gradient in the weights that of one over the real inputs code · scale. Both are float32 sums of at most 3 · 6 · 5 terms,
 * computed in another order.
 */
test.each(["bitnet", "optimal"])("gradients are straight-through (%s)", async (quantizer) => {
  const layer = new BitConv2d(2, 4, 3, { padding: 1, stride: [1, 2], quantizer, seed: 3 });
  const float = new Conv2d(2, 4, 3, { padding: 1, stride: [1, 2], seed: 3 });
  float.weight.value = dequantize(await layer.ternary());
  const ternary = await valueAndGrad(layer, { data: images, shape }, weighted);
  const real = await valueAndGrad(float, { data: seen(images), shape }, weighted);
  expectClose(ternary.output, [...real.output], 100, "output");
  expectClose(ternary.input, [...real.input], 100, "input");
  expectClose(ternary.parameters.weight.data, [...real.parameters.weight.data], 200, "weight");
  expectClose(ternary.parameters.bias.data, [...real.parameters.bias.data], 100, "bias");
});

test("weights of zero still get a gradient", async () => {
  const layer = new BitConv2d(2, 4, 3, { quantizer: "optimal" });
  layer.weight.value = new Float32Array(layer.weight.size);
  const { output, parameters } = await valueAndGrad(layer, { data: images, shape }, weighted);
  const bias = layer.bias?.value ?? [];
  expect([...output.subarray(0, 4)]).toEqual([...bias]);
  expect(Math.max(...parameters.weight.data.map(Math.abs))).toBeGreaterThan(0.1);
});

test("fromConv2d takes over weights, bias and geometry", async () => {
  const float = new Conv2d(2, 4, [3, 2], { stride: 2, padding: [1, 0], seed: 5 });
  const layer = BitConv2d.fromConv2d(float, { quantizer: "lsq" });
  expect(layer.weight.value).toEqual(float.weight.value);
  expect(layer.weight.value).not.toBe(float.weight.value);
  expect(layer.bias?.value).toEqual(float.bias?.value);
  expect(layer.describe()).toBe("2 → 4, 3×2, stride 2×2, padding 1×0, lsq, int8");
  const mean = float.weight.value.reduce((sum, value) => sum + Math.abs(value), 0) / float.weight.size;
  expect(layer.learnedScale?.value[0]).toBeCloseTo(mean, 6); // started from the weights it took over
  expect(BitConv2d.fromConv2d(new Conv2d(1, 1, 3, { bias: false })).bias).toBeUndefined();
});

test("ternary() gives one row of trits per output channel", async () => {
  const layer = new BitConv2d(2, 4, [3, 2], { quantizerOptions: { granularity: "per-channel" } });
  const { outFeatures, inFeatures, trits, scales } = await layer.ternary();
  expect([outFeatures, inFeatures, trits.length, scales.length]).toEqual([4, 12, 48, 4]);
  expect(trits[0]).toBe(Math.abs(layer.weight.value[0]) > scales[0] / 2 ? Math.sign(layer.weight.value[0]) : 0);
});

test("unknown rules are refused", () => {
  expect(() => new BitConv2d(1, 1, 3, { quantizer: "none" })).toThrow(UnsupportedError);
  expect(() => new BitConv2d(1, 1, 3, { activation: "int4" })).toThrow("there is no activation rule");
});
