import { expect, test } from "vitest";
import { RandomSource } from "../../core/random.ts";
import { mirroredCholesky } from "./cholesky.ts";
import { OutputMetric } from "./output-metric.ts";
import { SecondMoments } from "./second-moments.ts";

function momentsOf(inFeatures: number, tokens: number, seed: number): SecondMoments {
  const random = new RandomSource(seed);
  const moments = new SecondMoments(inFeatures);
  moments.add(Float32Array.from({ length: inFeatures * tokens }, (_, i) => random.normal() * (1 + (i % inFeatures))));
  return moments;
}

/** Relative to the largest value: sums of up to a few hundred products in float64. */
function expectNear(actual: Float64Array, expected: Float64Array): void {
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const furthest = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - actual[i])), 0);
  expect(furthest).toBeLessThan(1e-11 * largest);
}

test.each([1, 2, 47, 48, 49, 97, 130])("size %i: factor and products belong to the matrix", (size) => {
  const metric = OutputMetric.of(momentsOf(size, 2 * size, size));
  if (!metric) throw new Error("these inputs tell something");
  const { matrix, factor, order } = metric;
  const product = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      expect(factor[i * size + j]).toBe(factor[j * size + i]);
      for (let k = 0; k <= Math.min(i, j); k++) product[i * size + j] += factor[i * size + k] * factor[j * size + k];
    }
  }
  expectNear(product, matrix);
  for (let i = 1; i < size; i++) expect(matrix[i * size + i]).toBeGreaterThanOrEqual(matrix[(i - 1) * size + i - 1]);
  expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, i) => i));

  const random = new RandomSource(9);
  const rows = Float64Array.from({ length: 4 * size }, () => random.normal());
  const expected = new Float64Array(4 * size);
  for (let row = 0; row < 4; row++) {
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) expected[row * size + i] += matrix[i * size + j] * rows[row * size + j];
    }
  }
  const outputs = metric.toOutputs(rows);
  expectNear(metric.fromOutputs(outputs), expected);
  const squares = outputs.reduce((sum, value) => sum + value * value, 0);
  expect(squares).toBeCloseTo(
    expected.reduce((sum, value, i) => sum + value * rows[i], 0),
    6 - Math.ceil(Math.log10(squares)),
  );
});

test("fewer tokens than inputs, and inputs that are always 0, leave a metric; no token or nothing but 0 none", () => {
  expect(OutputMetric.of(momentsOf(60, 3, 1))).toBeDefined();
  const moments = new SecondMoments(3);
  expect(OutputMetric.of(moments)).toBeUndefined();
  moments.add(new Float32Array(6));
  expect(OutputMetric.of(moments)).toBeUndefined();
  moments.add(Float32Array.of(0, 5, 0));
  const metric = OutputMetric.of(moments);
  expect(metric && [...metric.order]).toEqual([0, 2, 1]);
  expect(metric?.matrix[0]).toBe(metric?.damping);
});

test("a metric is made once, and anew when inputs were added", () => {
  const moments = momentsOf(4, 9, 1);
  const metric = OutputMetric.of(moments);
  expect(OutputMetric.of(moments)).toBe(metric);
  moments.add(Float32Array.of(1, 2, 3, 4));
  expect(OutputMetric.of(moments)?.matrix).not.toEqual(metric?.matrix);
});

test("a matrix that is not positive definite has no factor", () => {
  expect(mirroredCholesky(Float64Array.of(1, 2, 2, 1), 2)).toBeUndefined();
  expect(mirroredCholesky(Float64Array.of(0), 1)).toBeUndefined();
  expect(mirroredCholesky(Float64Array.of(Number.NaN), 1)).toBeUndefined();
  expect(mirroredCholesky(Float64Array.of(4, 99, 2, 5), 2)).toEqual(Float64Array.of(2, 1, 1, 2)); // 99 is not read
});
