import fc from "fast-check";
import { expect, test } from "vitest";
import { laneSum } from "../core/rounding.ts";
import { sumOf, sumOfSquares } from "./lane-sums.ts";

const values = fc.float32Array({ noNaN: true, noDefaultInfinity: true, min: -(2 ** 49), max: 2 ** 49, maxLength: 100 });

test("sums equal those of the numeric contract, whatever lies around them", () => {
  fc.assert(
    fc.property(values, fc.nat(20), fc.integer({ min: 1, max: 5 }), (all, first, step) => {
      const count = Math.max(0, Math.floor((all.length - first) / step));
      expect(sumOf(all, first, count, step)).toBe(laneSum(count, (k) => all[first + k * step]));
    }),
  );
});

test("squares are rounded before they are added", () => {
  fc.assert(
    fc.property(values, fc.nat(20), (all, first) => {
      const count = Math.max(0, all.length - first);
      const expected = laneSum(count, (k) => Math.fround(all[first + k] * all[first + k]));
      expect(sumOfSquares(all, first, count)).toBe(expected);
    }),
  );
});
