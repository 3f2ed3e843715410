import { expect, test } from "vitest";
import { ShapeError } from "../../core/errors.ts";
import { accuracy, indexOfLargest, meanAbsoluteError } from "./metrics.ts";

test("accuracy counts rows whose largest logit is the target's", () => {
  const outputs = Float32Array.of(1, 3, 2, 5, 4, 0, 0, 0, 1);
  expect(accuracy.measure(outputs, Float32Array.of(1, 1, 2))).toEqual({ sum: 2, count: 3 });
});

test("accuracy takes the first of equals, and rows of NaN for wrong", () => {
  expect(accuracy.measure(Float32Array.of(2, 2), Float32Array.of(0))).toEqual({ sum: 1, count: 1 });
  expect(accuracy.measure(Float32Array.of(2, 2), Float32Array.of(1))).toEqual({ sum: 0, count: 1 });
  const broken = Float32Array.of(Number.NaN, Number.NaN);
  expect(accuracy.measure(broken, Float32Array.of(0))).toEqual({ sum: 0, count: 1 });
});

test("accuracy needs classes", () => {
  expect(() => accuracy.measure(new Float32Array(5), new Float32Array(2))).toThrow(ShapeError);
  expect(() => accuracy.measure(new Float32Array(4), new Float32Array(4))).toThrow(/leave it out/);
});

test("meanAbsoluteError", () => {
  expect(meanAbsoluteError.measure(Float32Array.of(1, -2), Float32Array.of(3, -3))).toEqual({ sum: 3, count: 2 });
  expect(() => meanAbsoluteError.measure(new Float32Array(4), new Float32Array(2))).toThrow(ShapeError);
});

test("indexOfLargest looks at its part of the values", () => {
  expect(indexOfLargest([9, 1, 3, 2, 9], 1, 3)).toBe(1);
  expect(indexOfLargest([Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY], 0, 2)).toBe(0);
  expect(indexOfLargest([Number.NaN, 1], 0, 2)).toBe(1);
  expect(indexOfLargest([Number.NaN], 0, 1)).toBe(-1);
});
