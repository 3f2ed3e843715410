import fc from "fast-check";
import { expect, test } from "vitest";
import { RandomSource } from "../../core/random.ts";
import { addRowProducts, dot } from "./row-products.ts";

/** Sizes around tiles and blocks. */
const size = fc.constantFrom(1, 2, 3, 4, 5, 62, 63, 64, 65, 129);
const problem = fc.record({
  rows: fc.constantFrom(0, 1, 2, 3, 47, 48, 49),
  others: size,
  length: fc.constantFrom(0, 1, 5, 511, 512, 513, 1100),
  gap: fc.integer({ min: 0, max: 3 }),
});

test("products of rows are added, to whole numbers without any rounding", () => {
  fc.assert(
    fc.property(problem, ({ rows, others, length, gap }) => {
      const random = new RandomSource(1 + rows + others + length);
      const stride = length + gap;
      const integers = (count: number) => Float64Array.from({ length: count }, () => random.integer(201) - 100);
      const a = { values: integers(gap + rows * stride), at: gap, stride, count: rows };
      const b = { values: integers(gap + others * stride), at: gap, stride, count: others };
      const out = { values: integers(2 + rows * (others + gap)), at: 2, stride: others + gap, count: rows };
      const expected = out.values.slice();
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < others; j++) {
          const sum = dot(a.values, a.at + i * stride, b.values, b.at + j * stride, length);
          expected[2 + i * (others + gap) + j] += sum;
        }
      }
      addRowProducts(a, b, length, out);
      expect(out.values).toEqual(expected);
    }),
    { numRuns: 60 },
  );
});

test("a dot product begins where it is told", () => {
  expect(dot(Float64Array.of(9, 1, 2, 9), 1, Float64Array.of(3, 4), 0, 2)).toBe(11);
});
