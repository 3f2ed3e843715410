import { expect, test } from "vitest";
import { tensor } from "../../tensor/index.ts";
import { clipByNorm } from "./clip-gradients.ts";

function clipped(gradients: readonly number[][], maximum: number): number[][] {
  return clipByNorm(
    gradients.map((values) => tensor(values)),
    maximum,
  ).map((gradient) => [...gradient.dataSync()]);
}

test("gradients within the norm stay in every bit", () => {
  expect(
    clipped(
      [
        [3, 0],
        [0, 4, 0],
      ],
      5.01,
    ),
  ).toEqual([
    [3, 0],
    [0, 4, 0],
  ]);
  expect(clipped([[0], [0]], 1)).toEqual([[0], [0]]);
});

test("larger ones are scaled together, to the norm of all of them", () => {
  const found = clipped(
    [
      [30, 0],
      [0, 40, 0],
    ],
    5,
  ).flat();
  // factor 5 / (50 + 1e-6), with four roundings
  const expected = [3, 0, 0, 4, 0];
  found.forEach((value, i) => {
    expect(Math.abs(value - expected[i])).toBeLessThanOrEqual(expected[i] * (1e-6 / 50 + 4 * 2 ** -24));
  });
});

test("scalars and matrices count alike, and large gradients do not drift", () => {
  const count = 2 ** 20;
  const gradients = [tensor(new Float32Array(count).fill(0.1), [1024, 1024]), tensor([0.1, 0.1]).max()];
  const [matrix, scalar] = clipByNorm(gradients, 1);
  const factor = 1 / (Math.fround(0.1) * Math.sqrt(count + 1));
  // Sums of 1024 terms in 16 lanes, twice: (64 + 4) · 2 roundings of the sum, half of that in its root.
  const tolerance = 140 * 2 ** -24;
  expect(matrix.shape).toEqual([1024, 1024]);
  expect(scalar.shape).toEqual([]);
  for (const value of [matrix.dataSync()[77], scalar.dataSync()[0]]) {
    expect(Math.abs(value / (Math.fround(0.1) * factor) - 1)).toBeLessThanOrEqual(tolerance);
  }
});

test("NaN is not hidden", () => {
  expect(clipped([[1, Number.NaN]], 1)).toEqual([[Number.NaN, Number.NaN]]);
});
