import { expect, test } from "vitest";
import { RandomSource } from "../../core/random.ts";
import { RowLevels } from "./row-levels.ts";
import { descend, fitScales } from "./trit-descent.ts";

/** A row under a random positive definite H, with random trits to start from. */
function problem(planes: number, size: number, seed: number) {
  const random = new RandomSource(seed);
  const inputs = Array.from({ length: 2 * size }, () => Array.from({ length: size }, () => random.normal() + 0.5));
  const matrix = new Float64Array(size * size);
  for (const x of inputs)
    for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) matrix[i * size + j] += x[i] * x[j];
  const times = (x: ArrayLike<number>): Float64Array =>
    Float64Array.from({ length: size }, (_, i) => {
      let sum = 0;
      for (let j = 0; j < size; j++) sum += matrix[i * size + j] * x[j];
      return sum;
    });
  const weights = Float64Array.from({ length: size }, () => random.normal());
  const product = times(weights);
  const square = product.reduce((sum, value, i) => sum + value * weights[i], 0);
  const trits = Array.from({ length: planes }, () => Int8Array.from({ length: size }, () => random.integer(3) - 1));
  const errorOf = (planeTrits: readonly Int8Array[], scales: Float64Array): number => {
    const rest = weights.map(
      (weight, k) => weight - planeTrits.reduce((sum, plane, i) => sum + scales[i] * plane[k], 0),
    );
    return times(rest).reduce((sum, value, i) => sum + value * rest[i], 0);
  };
  const row = { trits, products: trits.map((plane) => times(plane)) };
  return { row, target: { product, square, matrix }, times, errorOf };
}

test.each([1, 2, 3, 4])("%i planes: the error falls, is the true one, and no single weight can lower it", (planes) => {
  for (let seed = 1; seed <= 8; seed++) {
    const { row, target, times, errorOf } = problem(planes, 24, seed);
    const before = fitScales(row, target).error;
    const levels = new RowLevels(planes);
    const { scales, error } = descend(row, target, levels);
    expect(error).toBeLessThan(before);
    expect(Math.abs(error - errorOf(row.trits, scales))).toBeLessThan(1e-10 * target.square);
    expect(scales.every((scale) => scale >= 0 && Math.fround(scale) === scale)).toBe(true);
    for (const [i, plane] of row.trits.entries()) {
      const exact = times(plane); // whole trits times H, carried along by sums
      exact.forEach((value, k) => {
        expect(Math.abs(value - row.products[i][k])).toBeLessThan(1e-9 * target.matrix[0]);
      });
    }
    // Descent ends where a round gains less than a thousandth; what one weight could still gain is less than that.
    for (let k = 0; k < 24; k++) {
      for (let code = 0; code < 3 ** planes; code++) {
        const changed = row.trits.map((plane, i) => plane.with(k, (Math.floor(code / 3 ** i) % 3) - 1));
        expect(errorOf(changed, scales)).toBeGreaterThan(error * (1 - 2e-3));
      }
    }
  }
});

test("scales are those of least squares: s = tᵀHw / tᵀHt, and a plane turns round instead of a negative one", () => {
  const { row, target } = problem(1, 10, 3);
  const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
    Array.from(a).reduce((sum, value, i) => sum + value * b[i], 0);
  const expected = dot(row.trits[0], target.product) / dot(row.trits[0], row.products[0]);
  const before = row.trits[0].slice();
  const { scales } = fitScales(row, target);
  expect(scales[0]).toBe(Math.fround(Math.abs(expected)));
  expect(row.trits[0]).toEqual(before.map((trit) => (expected < 0 ? -trit : trit)));
});

test("a row of zeros stays one", () => {
  const { row, target } = problem(2, 6, 1);
  for (const plane of [...row.trits, ...row.products]) plane.fill(0);
  target.product.fill(0);
  expect(descend(row, { ...target, square: 0 }, new RowLevels(2))).toEqual({ scales: new Float64Array(2), error: 0 });
});
