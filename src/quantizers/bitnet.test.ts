import { expect, test } from "vitest";
import { normalValues, traceQuantizer } from "../../test/support/trace-quantizer.ts";
import { createQuantizer } from "./index.ts";

const shape = { outFeatures: 2, inFeatures: 4 };
// Row means of magnitudes 1 and 2; 0.5 and 1 are exact ties in their rows.
const weights = Float32Array.of(0.5, -0.625, 2.375, -0.5, 1, -1.5, 0, 5.5);

test("per channel: the scale is the row's absmean, ties at half of it go to 0", () => {
  const matrix = createQuantizer("bitnet", { granularity: "per-channel" }).quantize(weights, shape);
  expect(matrix.scales).toEqual(Float32Array.of(1, 2));
  expect(matrix.trits).toEqual(Int8Array.of(0, -1, 1, 0, 0, -1, 0, 1));
});

test("per tensor: one scale", () => {
  const matrix = createQuantizer("bitnet").quantize(weights, shape);
  expect(matrix.scales).toEqual(Float32Array.of(1.5));
  expect(matrix.trits).toEqual(Int8Array.of(0, 0, 1, 0, 1, -1, 0, 1));
});

test("eps is the smallest scale", () => {
  const small = weights.map((weight) => weight * 2 ** -20);
  expect(createQuantizer("bitnet").quantize(small, shape).scales).toEqual(Float32Array.of(1e-5));
  expect(createQuantizer("bitnet", { eps: 0.5 }).quantize(small, shape).scales).toEqual(Float32Array.of(0.5));
  expect(createQuantizer("bitnet", { eps: 0 }).quantize(small, shape).scales).toEqual(Float32Array.of(1.5 * 2 ** -20));
});

test("the sum does not drift over a million weights", () => {
  const side = { outFeatures: 1024, inFeatures: 1024 };
  const many = new Float32Array(1024 * 1024).fill(0.1);
  expect(createQuantizer("bitnet").quantize(many, side).scales).toEqual(Float32Array.of(0.1));
});

test.each(["per-tensor", "per-channel"] as const)("%s: the gradient passes straight through", (granularity) => {
  const upstream = normalValues(weights.length, 1);
  const run = traceQuantizer(createQuantizer("bitnet", { granularity }))(weights, shape, upstream);
  expect(run.weightGradient).toEqual(upstream);
});
