import { expect, test } from "vitest";
import { ShapeError } from "../core/errors.ts";
import { RandomSource } from "../core/random.ts";
import type { TernaryMatrix } from "../core/ternary-matrix.ts";
import { decompose, sumPlanes } from "../quantizers/multi-ternary.ts";
import { OutputMeasures, WeightMeasures } from "./measures.ts";

const plane = (trits: number[], scales: number[], groupSize?: number): TernaryMatrix => ({
  outFeatures: 2,
  inFeatures: 2,
  trits: Int8Array.from(trits),
  scales: Float32Array.from(scales),
  ...(groupSize !== undefined && { groupSize }),
});

test("error, cosine and sparsity of two planes", () => {
  const measures = new WeightMeasures();
  // The planes add up to 3, -1, 0, 1.
  measures.add(Float32Array.of(3, 0, 0, 1), [plane([1, -1, 0, 1], [2, 1]), plane([1, 1, 0, 0], [1])]);
  expect(measures.sums).toEqual({
    weights: 4,
    squaredWeights: 10,
    squaredFit: 11,
    product: 10,
    squaredError: 1,
    trits: 8,
    zeros: 3,
  });
  expect(measures.relativeError).toBe(Math.sqrt(0.1));
  expect(measures.cosine).toBeCloseTo(10 / Math.sqrt(110), 15);
  expect(measures.sparsity).toBe(3 / 8);
});

test("groups have scales of their own", () => {
  const measures = new WeightMeasures();
  measures.add(Float32Array.of(1, 2, -3, 4), [plane([1, 1, -1, 1], [1, 2, 3, 4], 1)]);
  expect(measures.relativeError).toBe(0);
  expect(measures.cosine).toBeCloseTo(1, 15);
});

test("block by block is as much as all at once, and sums can be kept and put together", () => {
  const random = new RandomSource(1);
  const weights = Float32Array.from({ length: 60 }, () => random.normal());
  const planes = decompose(weights, { outFeatures: 6, inFeatures: 10 }, { planes: 2, fit: "joint" });
  const whole = new WeightMeasures();
  whole.add(weights, planes);
  const blocks = new WeightMeasures();
  for (const [first, end] of [
    [0, 1],
    [1, 4],
    [4, 6],
  ]) {
    const rows = planes.map(({ trits, scales }) => ({
      outFeatures: end - first,
      inFeatures: 10,
      trits: trits.slice(first * 10, end * 10),
      scales: scales.slice(first, end),
    }));
    const block = new WeightMeasures();
    block.add(weights.subarray(first * 10, end * 10), rows);
    blocks.addSums(JSON.parse(JSON.stringify(block.sums)));
  }
  expect(blocks.relativeError).toBeCloseTo(whole.relativeError, 14);
  expect(blocks.cosine).toBeCloseTo(whole.cosine, 14);
  expect(blocks.sparsity).toBe(whole.sparsity);
  expect(new WeightMeasures(whole.sums).sums).toEqual(whole.sums);
  const real = sumPlanes(planes);
  const error = weights.reduce((sum, weight, i) => sum + (weight - real[i]) ** 2, 0);
  const size = weights.reduce((sum, weight) => sum + weight ** 2, 0);
  expect(whole.relativeError).toBeCloseTo(Math.sqrt(error / size), 6); // sumPlanes rounds to float32
});

test("nothing and zeros have measures too", () => {
  const none = new WeightMeasures();
  expect([none.relativeError, none.cosine, none.sparsity]).toEqual([0, 1, 0]);
  const zeros = new WeightMeasures();
  zeros.add(new Float32Array(4), [plane([0, 0, 0, 0], [0])]);
  expect([zeros.relativeError, zeros.cosine, zeros.sparsity]).toEqual([0, 1, 1]);
  const invented = new WeightMeasures();
  invented.add(new Float32Array(4), [plane([1, 0, 0, 0], [1])]);
  expect([invented.relativeError, invented.cosine]).toEqual([Number.POSITIVE_INFINITY, 0]);
});

test("outputs are compared over all blocks", () => {
  const outputs = new OutputMeasures();
  expect(outputs.relativeError).toBe(0);
  outputs.add(Float32Array.of(3, 4), Float32Array.of(3, 4));
  outputs.add(Float32Array.of(0, 0), Float32Array.of(3, -4));
  expect(outputs.relativeError).toBe(1);
});

test("what does not belong together is refused", () => {
  expect(() => new WeightMeasures().add(new Float32Array(3), [plane([0, 0, 0, 0], [1])])).toThrow(ShapeError);
  expect(() => new OutputMeasures().add(new Float32Array(3), new Float32Array(2))).toThrow(ShapeError);
});
