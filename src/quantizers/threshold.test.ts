import { expect, test } from "vitest";
import { traceQuantizer } from "../../test/support/trace-quantizer.ts";
import { UnsupportedError } from "../core/errors.ts";
import { createQuantizer } from "./index.ts";

const shape = { outFeatures: 2, inFeatures: 5 };
const at = Math.fround(0.7);
const next = at + 2 ** -24; // the float32 after it
const weights = Float32Array.of(at, next, -at, -next, 0, 1.5, -1.5, 1.5 + 2 ** -23, -1.75, 0.1);
const upstream = Float32Array.of(1, -2, 3, -4, 5, -6, 7, -8, 9, -10);

test("what exceeds the threshold becomes ±1, with scale 1, on host and traced", () => {
  const quantizer = createQuantizer("threshold");
  const matrix = quantizer.quantize(weights, shape);
  expect(matrix.scales).toEqual(Float32Array.of(1));
  expect(matrix.trits).toEqual(Int8Array.of(0, 1, 0, -1, 0, 1, -1, 1, -1, 0));
  const traced = traceQuantizer(quantizer)(weights, shape);
  expect(traced.scales).toEqual(matrix.scales);
  expect(Int8Array.from(traced.trits)).toEqual(matrix.trits);
});

test("the gradient passes where |w| <= clip", () => {
  const run = traceQuantizer(createQuantizer("threshold"))(weights, shape, upstream);
  expect(run.weightGradient).toEqual(Float32Array.of(1, -2, 3, -4, 5, -6, 7, 0, 0, -10));
  const narrow = traceQuantizer(createQuantizer("threshold", { clip: 0.7 }))(weights, shape, upstream);
  expect(narrow.weightGradient).toEqual(Float32Array.of(1, 0, 3, 0, 5, 0, 0, 0, 0, -10));
});

test("the threshold is an option, a granularity is none", () => {
  const matrix = createQuantizer("threshold", { threshold: 1.5 }).quantize(weights, shape);
  expect(matrix.trits).toEqual(Int8Array.of(0, 0, 0, 0, 0, 0, 0, 1, -1, 0));
  expect(() => createQuantizer("threshold", { granularity: "per-channel" })).toThrow(UnsupportedError);
});
