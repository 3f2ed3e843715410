import fc from "fast-check";
import { expect, test } from "vitest";
import { levelTrits, NearestLevels } from "./plane-levels.ts";

/** Scales with gaps, with equal and vanishing ones, and so near to one another that float32 distances are the same. */
const scale = fc.oneof(
  fc.constantFrom(0, 1, 1, 0.5, 1 + 2 ** -23, 3),
  fc.float({ min: 0, max: 4, noNaN: true, noDefaultInfinity: true }),
);
const weight = fc.oneof(
  fc.constantFrom(0, -0, 0.25, -0.5, 1, 1e6, -(2 ** 40)),
  fc.float({ min: -10, max: 10, noNaN: true, noDefaultInfinity: true }),
);

test("levels are those of the smallest float32 distance, the first of several: all tried", () => {
  const problem = fc.tuple(
    fc.array(scale, { minLength: 1, maxLength: 4 }),
    fc.array(weight, { minLength: 1, maxLength: 20 }),
  );
  fc.assert(
    fc.property(problem, ([scales, weights]) => {
      const values = Float32Array.from(weights);
      const { levels, squaredError } = new NearestLevels(scales.length).assign(values, Float32Array.from(scales));
      const reals = levelTrits(scales.length).map((trits) =>
        trits.reduce((sum, trit, i) => Math.fround(sum + trit * scales[i]), 0),
      );
      let error = 0;
      values.forEach((value, k) => {
        const distances = reals.map((real) => Math.abs(Math.fround(value - real)));
        const least = Math.min(...distances);
        expect(levels[k]).toBe(distances.indexOf(least));
        error += least * least;
      });
      expect(squaredError).toBe(error);
    }),
    { numRuns: 300 },
  );
});
