import { expect, test } from "vitest";
import { ShapeError, UnsupportedError } from "../../core/errors.ts";
import { tensor } from "../../tensor/index.ts";
import { valueAndGrad } from "../value-and-grad.ts";
import { Dropout } from "./dropout.ts";

const COUNT = 10_000;
const ones = { data: new Float32Array(COUNT).fill(1), shape: [COUNT] };

test("it drops a share of the values and scales the others up, by the seed of the run", async () => {
  const layer = new Dropout(0.25);
  const { output, input } = await valueAndGrad(layer, ones, (y) => y.sum(), 1);
  const kept = output.filter((value) => value !== 0);
  expect(new Set(kept)).toEqual(new Set([Math.fround(1 / 0.75)]));
  // Five standard deviations of a binomial share.
  expect(Math.abs(kept.length / COUNT - 0.75)).toBeLessThan(5 * Math.sqrt((0.25 * 0.75) / COUNT));
  expect(input).toEqual(output); // x is 1, so the gradient is the same factor
  expect((await valueAndGrad(layer, ones, (y) => y.sum(), 1)).output).toEqual(output);
  expect((await valueAndGrad(layer, ones, (y) => y.sum(), 2)).output).not.toEqual(output);
});

test("it is the identity in evaluation, and without a probability", () => {
  const x = tensor([1, 2, 3]);
  expect(new Dropout(0.5).eval().forward(x)).toBe(x);
  expect(new Dropout(0).forward(x)).toBe(x);
});

test("training needs a seeded run, and a probability below 1", () => {
  expect(() => new Dropout(0.5).forward(tensor([1]))).toThrow(UnsupportedError);
  for (const p of [-0.1, 1, Number.NaN]) expect(() => new Dropout(p)).toThrow(ShapeError);
});
