import fc from "fast-check";
import { expect, test } from "vitest";
import { ShapeError } from "../core/errors.ts";
import { createFourierTransform } from "./fourier-transform.ts";

const UNIT = 2 ** -53; // unit roundoff of float64

/** The definition: one sum for each frequency. */
function plainTransform(real: Float64Array, imaginary: Float64Array): { real: number[]; imaginary: number[] } {
  const size = real.length;
  const result = { real: [] as number[], imaginary: [] as number[] };
  for (let k = 0; k < size; k++) {
    let [sumReal, sumImaginary] = [0, 0];
    for (let n = 0; n < size; n++) {
      const angle = (-2 * Math.PI * ((k * n) % size)) / size;
      sumReal += real[n] * Math.cos(angle) - imaginary[n] * Math.sin(angle);
      sumImaginary += real[n] * Math.sin(angle) + imaginary[n] * Math.cos(angle);
    }
    result.real.push(sumReal);
    result.imaginary.push(sumImaginary);
  }
  return result;
}

/**
 * How far the two may lie apart in one value. A factor exp(-i·angle) errs by at most µ = 20 units: three roundings of an
 * angle of up to 2π, and the sine or cosine itself.
 * - fast: log2(N)·η·|X|₂ with η = µ + 4 units·(√2 + µ) (Higham, "Accuracy and Stability of Numerical Algorithms", 2002,
 *   theorem 24.2), below 26 units; |X|₂ = √N·|x|₂; the terms of second order stay below one unit more.
 * - plain: each of N terms errs by µ and 2 roundings, each of the 2N additions by one of at most Σ|x|: (2N + 22)·Σ|x|,
 *   with |x| ≤ |real| + |imaginary|.
 */
function bound(real: Float64Array, imaginary: Float64Array): number {
  const size = real.length;
  const squares = [...real, ...imaginary].reduce((sum, value) => sum + value * value, 0);
  const sum = [...real, ...imaginary].reduce((total, value) => total + Math.abs(value), 0);
  return UNIT * (Math.log2(size) * 27 * Math.sqrt(size * squares) + (2 * size + 22) * sum);
}

test.each([2, 4, 8, 64, 256])("a transform of %d values equals the sums of its definition", (size) => {
  const values = fc.float64Array({ minLength: size, maxLength: size, min: -1, max: 1, noNaN: true });
  const transform = createFourierTransform(size);
  fc.assert(
    fc.property(values, values, (real, imaginary) => {
      const expected = plainTransform(real, imaginary);
      const tolerance = bound(real, imaginary);
      transform(real, imaginary);
      for (let k = 0; k < size; k++) {
        expect(Math.abs(real[k] - expected.real[k])).toBeLessThanOrEqual(tolerance);
        expect(Math.abs(imaginary[k] - expected.imaginary[k])).toBeLessThanOrEqual(tolerance);
      }
    }),
    { numRuns: size > 64 ? 10 : 50 },
  );
});

test("an impulse holds all frequencies alike, a constant only the lowest", () => {
  const transform = createFourierTransform(8);
  const [impulse, none] = [new Float64Array(8), new Float64Array(8)];
  impulse[0] = 1;
  transform(impulse, none);
  expect([...impulse]).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
  const [constant, zero] = [new Float64Array(8).fill(1), new Float64Array(8)];
  transform(constant, zero);
  expect(constant[0]).toBe(8);
  expect(constant.subarray(1).every((value) => value === 0)).toBe(true); // equal halves cancel exactly
});

test.each([0, 1, 3, 12, 2.5, -4, 2 ** 25, Number.NaN])("a size of %d is refused", (size) => {
  expect(() => createFourierTransform(size)).toThrow(ShapeError);
});

test("arrays of another length are refused", () => {
  expect(() => createFourierTransform(4)(new Float64Array(4), new Float64Array(8))).toThrow(ShapeError);
});
