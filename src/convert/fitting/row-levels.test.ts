import fc from "fast-check";
import { expect, test } from "vitest";
import { RowLevels } from "./row-levels.ts";

test("the nearest level, with trits that add up to it, the sparsest of equal ones", () => {
  const scale = fc.constantFrom(0, 0.25, 1, 1, 3);
  const problem = fc.tuple(
    fc.array(scale, { minLength: 1, maxLength: 4 }),
    fc.double({ min: -9, max: 9, noNaN: true }),
  );
  fc.assert(
    fc.property(problem, ([scales, value]) => {
      const levels = new RowLevels(scales.length);
      levels.use(scales.map(() => 7)); // leaves nothing behind
      levels.use(scales);
      const place = levels.nearest(value);
      const trits = [...levels.trits.subarray(place * scales.length, (place + 1) * scales.length)];
      expect(trits.reduce((sum, trit, i) => sum + trit * scales[i], 0)).toBe(levels.values[place]);
      expect(trits.every((trit, i) => trit === 0 || scales[i] !== 0)).toBe(true);
      let least = Math.abs(value);
      for (let code = 0; code < 3 ** scales.length; code++) {
        const real = scales.reduce<number>((sum, each, i) => sum + each * ((Math.floor(code / 3 ** i) % 3) - 1), 0);
        least = Math.min(least, Math.abs(value - real));
      }
      expect(Math.abs(value - levels.values[place])).toBe(least);
    }),
    { numRuns: 300 },
  );
});
