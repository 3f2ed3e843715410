import fc from "fast-check";
import { expect, test } from "vitest";
import { RandomSource } from "../core/random.ts";
import { JointFit } from "./joint-fit.ts";
import { NearestLevels } from "./plane-levels.ts";

function errorOf(weights: Float32Array, scales: Float32Array): number {
  return new NearestLevels(scales.length).assign(weights, scales).squaredError;
}

/** Least squared error of one plane: the best of all sizes of support. */
function leastOfOnePlane(ascending: Float32Array): number {
  const squares = ascending.reduce((sum, value) => sum + value * value, 0);
  let most = 0;
  let sum = 0;
  for (let n = 1; n <= ascending.length; n++) {
    sum += ascending[ascending.length - n];
    most = Math.max(most, (sum * sum) / n);
  }
  return squares - most;
}

test("scales never leave more than those to start from, nor two planes more than the best one", () => {
  const problem = fc.record({
    seed: fc.integer({ min: 1, max: 2 ** 30 }),
    length: fc.integer({ min: 1, max: 60 }),
    planes: fc.integer({ min: 1, max: 4 }),
    power: fc.constantFrom(1, 0.3, 3), // from flat to heavy tails
  });
  fc.assert(
    fc.property(problem, ({ seed, length, planes, power }) => {
      const random = new RandomSource(seed);
      const values = Array.from({ length }, () => Math.abs(random.normal()) ** power);
      const sorted = Float32Array.from(values).sort();
      const start = Float32Array.from({ length: planes }, () => random.uniform() * 2);
      const { scales, isClearGain } = new JointFit(planes, 60).fit(sorted, start);
      const slack = 2 ** -20 * sorted.reduce((sum, value) => sum + value * value, 0); // scales and levels in float32
      expect(scales.every((scale) => scale >= 0)).toBe(true);
      expect(errorOf(sorted, scales)).toBeLessThanOrEqual(errorOf(sorted, start) + slack);
      if (isClearGain) expect(errorOf(sorted, scales)).toBeLessThan(errorOf(sorted, start));
      // Not sure for one plane, whose best support no start may lead to; two have room enough.
      if (planes > 1) expect(errorOf(sorted, scales)).toBeLessThanOrEqual(leastOfOnePlane(sorted) + slack);
    }),
    { numRuns: 200 },
  );
});

test("levels that are there are found", () => {
  const sorted = Float32Array.from([-3, -1, 0, 1, 3].flatMap((a) => [4 * a, 4 * a + 1].map(Math.abs))).sort();
  const { scales } = new JointFit(4, sorted.length).fit(sorted, new Float32Array(4));
  expect(errorOf(sorted, scales)).toBeLessThan(1e-3 * sorted.reduce((sum, value) => sum + value * value, 0));
  const exact = Float32Array.of(0, 0.25, 0.75, 1, 1.25).sort();
  expect(errorOf(exact, new JointFit(2, 5).fit(exact, Float32Array.of(1, 0.3)).scales)).toBeLessThan(1e-12);
});

test("rows are fitted apart: one that came before leaves nothing behind", () => {
  const random = new RandomSource(5);
  const rowOf = () => Float32Array.from({ length: 50 }, () => Math.abs(random.normal())).sort();
  const fit = new JointFit(3, 50);
  const start = Float32Array.of(2, 1, 0.5);
  fit.fit(rowOf(), start);
  const row = rowOf();
  expect(fit.fit(row, start)).toEqual(new JointFit(3, 50).fit(row, start));
});
