import { expect, test } from "vitest";
import { ShapeError } from "../../core/errors.ts";
import { RandomSource } from "../../core/random.ts";
import { SecondMoments } from "./second-moments.ts";

function integers(count: number, seed: number): Float32Array {
  const random = new RandomSource(seed);
  return Float32Array.from({ length: count }, () => random.integer(21) - 10);
}

const identity = (size: number) => Uint32Array.from({ length: size }, (_, i) => i);

test.each([
  [1, 1],
  [3, 5],
  [47, 2],
  [48, 513],
  [50, 1025],
])("%i inputs, %i tokens: the sums of all products, in any order", (inFeatures, tokens) => {
  const inputs = integers(inFeatures * tokens, inFeatures + tokens);
  const moments = new SecondMoments(inFeatures);
  const half = Math.floor(tokens / 2) * inFeatures;
  moments.add(inputs.subarray(0, half));
  moments.add(inputs.subarray(half));
  expect(moments.tokens).toBe(tokens);
  const expected = new Float64Array(inFeatures * inFeatures);
  for (let token = 0; token < tokens; token++) {
    for (let i = 0; i < inFeatures; i++) {
      const value = inputs[token * inFeatures + i];
      for (let j = 0; j < inFeatures; j++) expected[i * inFeatures + j] += value * inputs[token * inFeatures + j];
    }
  }
  expect(moments.ordered(identity(inFeatures))).toEqual(expected);
  const backwards = identity(inFeatures).reverse();
  expect(moments.ordered(backwards)).toEqual(expected.slice().reverse());
  expect(moments.diagonal()).toEqual(Float64Array.from(identity(inFeatures), (i) => expected[i * inFeatures + i]));
});

test("inputs that are no numbers are refused, and change nothing", () => {
  const moments = new SecondMoments(3);
  moments.add(Float32Array.of(1, 2, 3));
  const before = moments.ordered([0, 1, 2]);
  for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const inputs = Float32Array.of(1, 2, 3, 4, wrong, 6);
    expect(() => moments.add(inputs)).toThrow(ShapeError);
    expect(() => moments.add(inputs)).toThrow(`got ${wrong} in row 1, column 1`);
  }
  expect(() => moments.add(new Float32Array(4))).toThrow("multiple of 3 values");
  expect(() => new SecondMoments(0)).toThrow(ShapeError);
  expect(moments.tokens).toBe(1);
  expect(moments.ordered([0, 1, 2])).toEqual(before);
});
