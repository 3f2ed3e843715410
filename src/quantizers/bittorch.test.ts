import { expect, test } from "vitest";
import { normalValues, traceQuantizer } from "../../test/support/trace-quantizer.ts";
import { createQuantizer } from "./index.ts";

const shape = { outFeatures: 2, inFeatures: 4 };
const weights = Float32Array.of(1, -0.25, 0.26, 0.04, -2, 0.5, 0.06, -0.11);

test("what exceeds thresholdFactor of the largest magnitude becomes ±1", () => {
  const matrix = createQuantizer("bittorch").quantize(weights, shape); // thresholds 0.05 and 0.1
  expect(matrix.scales).toEqual(Float32Array.of(1, 2));
  expect(matrix.trits).toEqual(Int8Array.of(1, -1, 1, 0, -1, 1, 0, -1));
  const quarter = createQuantizer("bittorch", { thresholdFactor: 0.25 }).quantize(weights, shape);
  expect(quarter.trits).toEqual(Int8Array.of(1, 0, 1, 0, -1, 0, 0, 0)); // ties go to 0
});

test("per tensor works", () => {
  const matrix = createQuantizer("bittorch", { granularity: "per-tensor" }).quantize(weights, shape); // threshold 0.1
  expect(matrix.scales).toEqual(Float32Array.of(2));
  expect(matrix.trits).toEqual(Int8Array.of(1, -1, 1, 0, -1, 1, 0, -1));
});

test("eps is the smallest scale", () => {
  const zeros = createQuantizer("bittorch").quantize(new Float32Array(8), shape);
  expect(zeros.scales).toEqual(Float32Array.of(1e-8, 1e-8));
  const coarse = createQuantizer("bittorch", { eps: 1.5, granularity: "per-channel" }).quantize(weights, shape);
  expect(coarse.scales).toEqual(Float32Array.of(1.5, 2));
});

test.each(["per-tensor", "per-channel"] as const)(
  "%s: the gradient is multiplied by the scale, and the rest is equal in all bits",
  (granularity) => {
    const size = { outFeatures: 16, inFeatures: 100 };
    const quantizer = createQuantizer("bittorch", { granularity });
    const many = normalValues(1600, 2);
    const upstream = normalValues(1600, 3);
    const host = quantizer.quantize(many, size);
    const traced = traceQuantizer(quantizer)(many, size, upstream);
    expect(traced.scales).toEqual(host.scales);
    expect(Int8Array.from(traced.trits)).toEqual(host.trits);
    const scaleOf = (i: number) => host.scales[granularity === "per-tensor" ? 0 : Math.floor(i / 100)];
    expect(traced.weightGradient).toEqual(upstream.map((gradient, i) => gradient * scaleOf(i)));
  },
);
