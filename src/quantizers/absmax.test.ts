import { expect, test } from "vitest";
import { normalValues, traceQuantizer } from "../../test/support/trace-quantizer.ts";
import { createQuantizer } from "./index.ts";

const shape = { outFeatures: 2, inFeatures: 3 };
const weights = Float32Array.of(1, -0.5, 0.625, -4, 2, 2.5);

test("the scale is the largest magnitude, ties at half of it go to 0, on host and traced", () => {
  const rows = createQuantizer("absmax");
  const matrix = rows.quantize(weights, shape);
  expect(matrix.scales).toEqual(Float32Array.of(1, 4));
  expect(matrix.trits).toEqual(Int8Array.of(1, 0, 1, -1, 0, 1));
  const traced = traceQuantizer(rows)(weights, shape);
  expect(traced.scales).toEqual(matrix.scales);
  expect(Int8Array.from(traced.trits)).toEqual(matrix.trits);
  const whole = createQuantizer("absmax", { granularity: "per-tensor" }).quantize(weights, shape);
  expect(whole.scales).toEqual(Float32Array.of(4));
  expect(whole.trits).toEqual(Int8Array.of(0, 0, 0, -1, 0, 1));
});

test.each(["per-tensor", "per-channel"] as const)(
  "%s: host and traced rule are equal in all bits, as nothing in them rounds",
  (granularity) => {
    const size = { outFeatures: 16, inFeatures: 100 };
    const quantizer = createQuantizer("absmax", { granularity });
    const many = normalValues(1600, 2);
    const upstream = normalValues(1600, 3);
    const host = quantizer.quantize(many, size);
    const traced = traceQuantizer(quantizer)(many, size, upstream);
    expect(traced.scales).toEqual(host.scales);
    expect(Int8Array.from(traced.trits)).toEqual(host.trits);
    expect(traced.weightGradient).toEqual(upstream);
  },
);
