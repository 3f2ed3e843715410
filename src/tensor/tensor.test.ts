import { expect, test } from "vitest";
import { tensor } from "./tensor.ts";

test.each([1, 2, 3, 16, 17, 64, 65, 127])("a running sum over %d values, exact for integers", (count) => {
  const values = Float32Array.from({ length: 2 * count }, (_, i) => ((i * 37) % 101) - 50);
  const sums = tensor(values, [2, count]).cumulativeSum();
  expect(sums.shape).toEqual([2, count]);
  const expected = values.map((_, i) => {
    const start = i - (i % count);
    return values.subarray(start, i + 1).reduce((sum, value) => sum + value, 0);
  });
  expect(sums.dataSync()).toEqual(expected);
});

test("a constant is a number or a row of numbers", () => {
  const x = tensor([1, 2, 3, 4, 5, 6], [2, 3]);
  expect(x.constant(2).shape).toEqual([1]);
  expect(x.mul(x.constant(Float32Array.of(1, 10, 100))).dataSync()).toEqual(Float32Array.of(1, 20, 300, 4, 50, 600));
});
