import { expect, test } from "vitest";
import { normalValues, traceQuantizer } from "../../test/support/trace-quantizer.ts";
import { createQuantizer } from "./index.ts";

const shape = { outFeatures: 2, inFeatures: 4 };
// Row means of magnitudes 1 and 2; 0.75 and 1.5 lie exactly at 0.75 of them.
const weights = Float32Array.of(0.75, -0.875, 2.375, 0, 1.5, -1.625, 0, 4.875);

test("per channel: what exceeds 0.75 of the absmean becomes ±1, with the mean of those as scale", () => {
  const matrix = createQuantizer("twn", { granularity: "per-channel" }).quantize(weights, shape);
  expect(matrix.trits).toEqual(Int8Array.of(0, -1, 1, 0, 0, -1, 0, 1));
  expect(matrix.scales).toEqual(Float32Array.of(1.625, 3.25));
});

test("per tensor: one threshold, one scale", () => {
  const matrix = createQuantizer("twn").quantize(weights, shape); // threshold 1.125
  expect(matrix.trits).toEqual(Int8Array.of(0, 0, 1, 0, 1, -1, 0, 1));
  expect(matrix.scales).toEqual(Float32Array.of((2.375 + 1.5 + 1.625 + 4.875) / 4));
});

test("deltaFactor moves the threshold; none beyond it gives scale 0", () => {
  const quantize = (deltaFactor: number) =>
    createQuantizer("twn", { granularity: "per-channel", deltaFactor }).quantize(weights, shape);
  expect(quantize(0.5).trits).toEqual(Int8Array.of(1, -1, 1, 0, 1, -1, 0, 1));
  expect(quantize(0).trits).toEqual(Int8Array.of(1, -1, 1, 0, 1, -1, 0, 1));
  const none = quantize(10);
  expect(none.trits).toEqual(new Int8Array(8));
  expect(none.scales).toEqual(new Float32Array(2));
});

test("eps is the smallest mean the threshold is made from", () => {
  const quantize = (eps: number) => createQuantizer("twn", { eps }).quantize(weights, shape);
  expect(quantize(4).trits).toEqual(Int8Array.of(0, 0, 0, 0, 0, 0, 0, 1)); // threshold 3
  expect(quantize(1.5)).toEqual(quantize(0));
});

test.each(["per-tensor", "per-channel"] as const)("%s: the gradient passes straight through", (granularity) => {
  const upstream = normalValues(weights.length, 1);
  const trace = traceQuantizer(createQuantizer("twn", { granularity }));
  expect(trace(weights, shape, upstream).weightGradient).toEqual(upstream);
  // Also where the scale is 0.
  expect(trace(new Float32Array(8), shape, upstream).weightGradient).toEqual(upstream);
});
