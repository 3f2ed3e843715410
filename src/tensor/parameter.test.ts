import { expect, test } from "vitest";
import { ShapeError } from "../core/errors.ts";
import { lift, Parameter, tensor } from "./index.ts";

test("a parameter holds as many values as its shape, zeros by default", () => {
  expect(new Parameter([2, 3]).value).toEqual(new Float32Array(6));
  expect(new Parameter([]).size).toBe(1);
  expect(() => new Parameter([2, 3], new Float32Array(5))).toThrow(ShapeError);
});

test("outside of compiled code a parameter lifts to its values and takes new ones at once", () => {
  const mean = new Parameter([2], Float32Array.of(1, 2), false);
  mean.assign(lift(mean).mul(3));
  expect(mean.value).toEqual(Float32Array.of(3, 6));
  expect(() => mean.assign(tensor([1, 2, 3]))).toThrow(ShapeError);
});
