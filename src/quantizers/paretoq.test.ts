import { expect, test } from "vitest";
import { normalValues, traceQuantizer, UNIT_ROUNDOFF } from "../../test/support/trace-quantizer.ts";
import { createQuantizer } from "./index.ts";

const shape = { outFeatures: 2, inFeatures: 4 };
const weights = Float32Array.of(3, -1, 1.125, 0.5, -0.75, 0.24, 0.26, -0.2);

test("the range starts at the largest magnitude and is cut into three equal parts; ties go to 0", () => {
  const rows = createQuantizer("paretoq");
  expect(rows.initialScale?.(weights, shape)).toEqual(Float32Array.of(3, 0.75));
  const matrix = rows.quantize(weights, shape);
  expect(matrix.scales).toEqual(Float32Array.of(2, 0.5));
  expect(matrix.trits).toEqual(Int8Array.of(1, 0, 1, 0, -1, 0, 1, 0));
  const whole = createQuantizer("paretoq", { granularity: "per-tensor" });
  expect(whole.initialScale?.(weights, shape)).toEqual(Float32Array.of(3));
  expect(whole.quantize(weights, shape).trits).toEqual(Int8Array.of(1, 0, 1, 0, 0, 0, 0, 0));
});

test("a learned range below eps counts as eps, and still has a gradient", () => {
  const quantizer = createQuantizer("paretoq", { granularity: "per-tensor", eps: 0.1875 });
  expect(quantizer.quantize(weights, shape, Float32Array.of(-1)).scales).toEqual(Float32Array.of(0.125));
  const row = { outFeatures: 1, inFeatures: 4 };
  const run = traceQuantizer(quantizer)(weights.slice(0, 4), row, Float32Array.of(1, 1, 1, 1), Float32Array.of(-1));
  expect(run.scales).toEqual(Float32Array.of(0.125));
  // All four lie outside the range, one of them below: factor 1/2 times 3 - 1.
  expect(run.scaleGradient).toEqual(Float32Array.of(1));
});

test.each(["per-tensor", "per-channel"] as const)("%s: gradients equal the closed form", (granularity) => {
  const size = { outFeatures: 16, inFeatures: 100 };
  const isWhole = granularity === "per-tensor";
  const quantizer = createQuantizer("paretoq", { granularity });
  const many = normalValues(1600, 2);
  const upstream = normalValues(1600, 3);
  const learned = Float32Array.from({ length: isWhole ? 1 : 16 }, (_, row) => 1 + row / 16);
  const run = traceQuantizer(quantizer)(many, size, upstream, learned);
  const host = quantizer.quantize(many, size, learned);
  expect(run.scales).toEqual(host.scales);
  expect(Int8Array.from(run.trits)).toEqual(host.trits);

  const expected = new Float64Array(learned.length);
  const magnitudes = new Float64Array(learned.length);
  const group = isWhole ? 1600 : 100;
  many.forEach((weight, i) => {
    const at = Math.floor(i / group);
    const z = weight / learned[at];
    // 0.99 and its product with the range are rounded: no weight of this seed lies between.
    expect(Math.abs(Math.abs(z) - 0.99)).toBeGreaterThan(4 * UNIT_ROUNDOFF);
    const isInside = Math.abs(z) <= 0.99;
    expect(run.weightGradient[i]).toBe(isInside ? upstream[i] : 0);
    const slope = isInside ? run.trits[i] / 1.5 - z : Math.sign(z);
    expected[at] += (upstream[i] * slope) / Math.sqrt(1600); // of all weights, also per channel
    magnitudes[at] += Math.abs(upstream[i]) / Math.sqrt(1600);
  });
  // |slope| ≤ 1 carries 7 roundings (1/1.5 and its product, reciprocal, z, difference, factor and its product); then the
  // product with the upstream gradient and a sum of `group` terms.
  expected.forEach((gradient, at) => {
    const bound = (group + 7) * UNIT_ROUNDOFF * magnitudes[at];
    expect(Math.abs(run.scaleGradient[at] - gradient)).toBeLessThanOrEqual(bound);
  });
});
