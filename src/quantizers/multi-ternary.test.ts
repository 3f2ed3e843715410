import fc from "fast-check";
import { expect, test } from "vitest";
import { ShapeError, UnsupportedError } from "../core/errors.ts";
import { RandomSource } from "../core/random.ts";
import { checkTernaryMatrix, type MatrixShape, type TernaryMatrix } from "../core/ternary-matrix.ts";
import { tensor } from "../tensor/index.ts";
import { createQuantizer } from "./index.ts";
import { decompose, sumPlanes, traceGreedyPlanes, traceNearestPlanes } from "./multi-ternary.ts";

function normals(size: number, seed: number): Float32Array {
  const random = new RandomSource(seed);
  return Float32Array.from({ length: size }, () => random.normal());
}

function squaredError(planes: readonly TernaryMatrix[], weights: Float32Array): number {
  return sumPlanes(planes).reduce((sum, value, i) => sum + (value - weights[i]) ** 2, 0);
}

/** Weights from normal, over few distinct values, to almost all zeros. */
const problem = fc.record({
  seed: fc.integer({ min: 1, max: 2 ** 30 }),
  shape: fc.record({ outFeatures: fc.integer({ min: 1, max: 4 }), inFeatures: fc.integer({ min: 1, max: 40 }) }),
  planes: fc.integer({ min: 1, max: 4 }),
  levels: fc.constantFrom(0, 0.5, 2),
});

function weightsOf({ seed, shape, levels }: { seed: number; shape: MatrixShape; levels: number }): Float32Array {
  const values = normals(shape.outFeatures * shape.inFeatures, seed);
  return levels === 0 ? values : values.map((value) => Math.round(value / levels) * levels);
}

test("greedy: each plane quantizes what the ones before left over", () => {
  const shape = { outFeatures: 3, inFeatures: 20 };
  const weights = normals(60, 1);
  const [first, second] = decompose(weights, shape, { planes: 2, quantizer: "twn" });
  const rule = createQuantizer("twn");
  expect(first).toEqual(rule.quantize(weights, shape));
  const rest = weights.map((weight, i) => weight - Math.fround(first.trits[i] * first.scales[0]));
  expect(second).toEqual(rule.quantize(rest, shape));
});

/**
 * A weight goes to the nearest level by float32 distances, each right within 2⁻²⁴ of itself, so its squared error is at most
 * (1 + 2⁻²³)² times the least one; levels themselves are rounded once more.
 */
test("joint: valid planes, never worse than greedy, and a fixed point of nearest levels", () => {
  fc.assert(
    fc.property(problem, ({ planes, ...rest }) => {
      const weights = weightsOf(rest);
      const greedy = decompose(weights, rest.shape, { planes });
      const joint = decompose(weights, rest.shape, { planes, fit: "joint" });
      expect(joint.length).toBe(planes);
      for (const plane of joint) {
        checkTernaryMatrix(plane);
        expect(plane.scales.length).toBe(rest.shape.outFeatures);
        expect(plane.scales.every((scale) => scale >= 0)).toBe(true);
      }
      const least = squaredError(greedy, weights);
      expect(squaredError(joint, weights)).toBeLessThanOrEqual(least * (1 + 2 ** -20) + 1e-12);
    }),
    { numRuns: 60 },
  );
});

test("joint finds planes that greedy misses", () => {
  // ±1 ± 0.375: the first greedy plane averages 1.375 and 0.625, and what it leaves has two magnitudes.
  const weights = Float32Array.of(1.375, 0.625, -1.375, -0.625, 1.375, 1.375, 0.625, -1.375);
  const shape = { outFeatures: 1, inFeatures: 8 };
  const options = { planes: 2, quantizer: "bitnet" };
  expect(squaredError(decompose(weights, shape, options), weights)).toBeGreaterThan(0.05);
  const joint = decompose(weights, shape, { ...options, fit: "joint" });
  expect(squaredError(joint, weights)).toBeLessThan(1e-12);
  expect(joint.map(({ scales }) => scales[0])).toEqual([1, 0.375]);
});

test("joint finds scales also where one plane is a combination of the others", () => {
  // The second plane repeats the first: the normal equations have no single solution.
  const weights = Float32Array.of(3, -3, 3);
  const shape = { outFeatures: 1, inFeatures: 3 };
  const options = { planes: 2, quantizer: "threshold", quantizerOptions: { threshold: 0.5 } };
  const greedy = decompose(weights, shape, options);
  expect(greedy.map(({ trits }) => [...trits])).toEqual([
    [1, -1, 1],
    [1, -1, 1],
  ]);
  expect([...sumPlanes(decompose(weights, shape, { ...options, fit: "joint" }))]).toEqual([3, -3, 3]);
  expect([...sumPlanes(decompose(new Float32Array(3), shape, { planes: 3, fit: "joint" }))]).toEqual([0, 0, 0]);
});

/** Against 0.205, 0.132 and 0.079 of the greedy planes; a uniform grid of 3^k levels at its best step leaves 0.176, 0.069, 0.026. */
test.each([
  [2, 0.173],
  [3, 0.065],
  [4, 0.025],
])("joint: what %i planes leave of Gaussian weights", (planes, most) => {
  const shape = { outFeatures: 8, inFeatures: 2048 };
  const weights = normals(shape.outFeatures * shape.inFeatures, 7);
  const error = squaredError(decompose(weights, shape, { planes, fit: "joint" }), weights);
  expect(Math.sqrt(error / weights.reduce((sum, weight) => sum + weight ** 2, 0))).toBeLessThan(most);
});

test("host and traced planes are the same", async () => {
  await fc.assert(
    fc.asyncProperty(problem, async ({ planes, ...rest }) => {
      const weights = weightsOf(rest);
      const { outFeatures, inFeatures } = rest.shape;
      const traced = tensor(weights, [outFeatures, inFeatures]);
      const joint = decompose(weights, rest.shape, { planes, fit: "joint" });
      const scales = tensor(
        joint.flatMap((plane) => [...plane.scales]),
        [planes, outFeatures],
      );
      const nearest = traceNearestPlanes(traced, scales);
      for (const [i, { trits }] of nearest.entries()) {
        expect(Int8Array.from(await trits.data())).toEqual(joint[i].trits);
      }
      // Threshold and scale of this rule are given, so that no sum can round differently.
      const options = { quantizer: "threshold", quantizerOptions: { threshold: 0.3 }, planes };
      const greedy = decompose(weights, rest.shape, options);
      const rule = createQuantizer("threshold", { threshold: 0.3 });
      for (const [i, plane] of traceGreedyPlanes(traced, rule, planes).entries()) {
        expect(Int8Array.from(await plane.trits.data())).toEqual(greedy[i].trits);
        expect(await plane.scales.data()).toEqual(greedy[i].scales);
      }
    }),
    { numRuns: 15 },
  );
});

test("planes add up in their order", () => {
  const plane = (trits: number[], scales: number[]): TernaryMatrix => ({
    outFeatures: 2,
    inFeatures: 2,
    trits: Int8Array.from(trits),
    scales: Float32Array.from(scales),
  });
  expect([...sumPlanes([plane([1, -1, 0, 1], [2]), plane([1, 1, 1, 0], [0.5, 0.25])])]).toEqual([2.5, -1.5, 0.25, 2]);
});

test("what cannot be decomposed is refused", () => {
  const shape = { outFeatures: 1, inFeatures: 2 };
  const weights = Float32Array.of(1, 2);
  expect(() => decompose(weights, shape, { planes: 0 })).toThrow(
    new ShapeError("planes must be a whole number of at least 1, got 0"),
  );
  expect(() => decompose(weights, shape, { planes: 1, fit: "best" as "joint" })).toThrow(UnsupportedError);
  expect(() => decompose(weights, shape, { planes: 1, quantizer: "paretoq" })).toThrow("learns its scale");
  expect(() => decompose(weights, { outFeatures: 1, inFeatures: 3 }, { planes: 1 })).toThrow(ShapeError);
});
