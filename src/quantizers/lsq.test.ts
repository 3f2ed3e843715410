import { expect, test } from "vitest";
import { normalValues, traceQuantizer, UNIT_ROUNDOFF } from "../../test/support/trace-quantizer.ts";
import { createQuantizer } from "./index.ts";

const shape = { outFeatures: 2, inFeatures: 4 };
const weights = Float32Array.of(0.5, -0.625, 2.375, -0.5, 1, -1.5, 0, 5.5);

test("the scale starts at the absmean and is then the learned one", () => {
  const rows = createQuantizer("lsq", { granularity: "per-channel" });
  expect(rows.initialScale?.(weights, shape)).toEqual(Float32Array.of(1, 2));
  expect(rows.quantize(weights, shape).trits).toEqual(Int8Array.of(0, -1, 1, 0, 0, -1, 0, 1));
  const learned = rows.quantize(weights, shape, Float32Array.of(1.5, 0.5));
  expect(learned.scales).toEqual(Float32Array.of(1.5, 0.5));
  expect(learned.trits).toEqual(Int8Array.of(0, 0, 1, 0, 1, -1, 0, 1));
  expect(createQuantizer("lsq").initialScale?.(weights, shape)).toEqual(Float32Array.of(1.5));
});

test("a learned scale below eps counts as eps, and still has a gradient", () => {
  const quantizer = createQuantizer("lsq", { eps: 0.25 });
  expect(quantizer.quantize(weights, shape, Float32Array.of(-3)).scales).toEqual(Float32Array.of(0.25));
  const run = traceQuantizer(quantizer)(weights, shape, new Float32Array(8).fill(1), Float32Array.of(-3));
  expect(run.scales).toEqual(Float32Array.of(0.25));
  // z = W / 0.25 lies outside ±1 everywhere but for the 0: the signs add up to 1 - 1 + 1 - 1 + 1 - 1 + 1.
  expect(run.scaleGradient).toEqual(Float32Array.of(Math.fround(1 / Math.sqrt(8))));
});

test("inside the range the weight has a gradient, |z| = 1 included; the scale has one everywhere", () => {
  const upstream = Float32Array.of(1, 2, 4, 8, 16, 32, 64, 128);
  const quantizer = createQuantizer("lsq", { granularity: "per-channel" });
  const edge = Float32Array.of(1, -1, 0.5, 3, 0.25, -0.75, -4, 0);
  const run = traceQuantizer(quantizer)(edge, shape, upstream, Float32Array.of(1, 1));
  expect(run.weightGradient).toEqual(Float32Array.of(1, 2, 4, 0, 16, 32, 0, 128));
  // trit - z: 0, 0, -0.5 and sign 1; then -0.25, -0.25, sign -1, 0; factor 1/sqrt(4).
  expect(run.scaleGradient).toEqual(Float32Array.of((-0.5 * 4 + 8) / 2, (-0.25 * 16 - 0.25 * 32 - 64) / 2));
});

test.each(["per-tensor", "per-channel"] as const)("%s: gradients equal the closed form", (granularity) => {
  const size = { outFeatures: 16, inFeatures: 100 };
  const isWhole = granularity === "per-tensor";
  const quantizer = createQuantizer("lsq", { granularity });
  const many = normalValues(1600, 2);
  const upstream = normalValues(1600, 3);
  const learned = Float32Array.from({ length: isWhole ? 1 : 16 }, (_, row) => 0.5 + row / 16);
  const run = traceQuantizer(quantizer)(many, size, upstream, learned);
  expect(run.scales).toEqual(learned);
  expect(Int8Array.from(run.trits)).toEqual(quantizer.quantize(many, size, learned).trits);

  const expected = new Float64Array(learned.length);
  const magnitudes = new Float64Array(learned.length);
  const group = isWhole ? 1600 : 100;
  many.forEach((weight, i) => {
    const at = Math.floor(i / group);
    const z = weight / learned[at];
    const isInside = Math.abs(z) <= 1;
    expect(run.weightGradient[i]).toBe(isInside ? upstream[i] : 0);
    const slope = isInside ? run.trits[i] - z : Math.sign(z);
    expected[at] += (upstream[i] * slope) / Math.sqrt(group);
    magnitudes[at] += Math.abs(upstream[i]) / Math.sqrt(group);
  });
  // |slope| ≤ 1 carries 5 roundings (reciprocal, z, difference, factor and its product); then the product with the
  // upstream gradient and a sum of `group` terms.
  expected.forEach((gradient, at) => {
    const bound = (group + 5) * UNIT_ROUNDOFF * magnitudes[at];
    expect(Math.abs(run.scaleGradient[at] - gradient)).toBeLessThanOrEqual(bound);
  });
});
