import { expect, test } from "vitest";
import { expectClose } from "../../../test/support/gradients.ts";
import { ShapeError } from "../../core/errors.ts";
import { tensor } from "../../tensor/index.ts";
import { valueAndGrad } from "../value-and-grad.ts";
import { AvgPool2d } from "./avg-pool2d.ts";

const image = Float32Array.from({ length: 12 }, (_, i) => i); // [1, 3, 4, 1]

test("the mean of each window, and its gradient", async () => {
  const input = { data: image, shape: [1, 3, 4, 1] };
  const result = await valueAndGrad(new AvgPool2d(2), input, (y) => y.mul(tensor([1, 10], [1, 1, 2, 1])).sum());
  expect([...result.output]).toEqual([2.5, 4.5]);
  expect([...result.input]).toEqual([0.25, 0.25, 2.5, 2.5, 0.25, 0.25, 2.5, 2.5, 0, 0, 0, 0]);
});

test("windows may overlap", async () => {
  const y = new AvgPool2d([3, 1], { stride: 1 }).forward(tensor(image, [1, 3, 4, 1]));
  expect(y.shape).toEqual([1, 1, 4, 1]);
  expectClose(await y.data(), [4, 5, 6, 7], 4, "output");
});

test("values are added row by row, each sum rounded", async () => {
  // 1 is lost beside 2^25, so the order of the sum shows; times 1/4 is exact.
  const pool = async (values: number[]): Promise<number> =>
    (await new AvgPool2d(2).forward(tensor(values, [1, 2, 2, 1])).data())[0];
  expect(await pool([2 ** 25, 1, -(2 ** 25), 1])).toBe(0.25);
  expect(await pool([2 ** 25, -(2 ** 25), 1, 1])).toBe(0.5);
});

test("sizes are checked", () => {
  expect(() => new AvgPool2d(1.5)).toThrow(ShapeError);
});
