import { expect, test } from "vitest";
import { accuracyOf, likeliestClasses } from "./predictions.ts";
import { samplesFor } from "./sample-file.ts";

test("classes come best first with their softmax, equal ones by index", () => {
  const logits = Float32Array.of(1, 3, 1, -200);
  const classes = likeliestClasses(logits, 3, ["a", "b", "c", "d"]);
  expect(classes.map(({ class: name }) => name)).toEqual(["b", "a", "c"]);
  const total = Math.exp(-2) + 1 + Math.exp(-2); // exp(-203) is below float64's resolution of the sum
  expect(classes[0].score).toBe(1 / total);
  expect(classes[1].score).toBe(Math.exp(-2) / total);
});

test("huge logits do not overflow, and NaN or infinity has no class", () => {
  expect(likeliestClasses(Float32Array.of(3e38, 0), 1, undefined)).toEqual([{ index: 0, class: "0", score: 1 }]);
  for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(likeliestClasses(Float32Array.of(wrong, 1), 1, undefined)).toEqual([]);
  }
  expect(likeliestClasses(Float32Array.of(Number.NEGATIVE_INFINITY, 0), 1, undefined)).toMatchObject([{ index: 1 }]);
});

test("accuracy counts rows whose largest output is the true class", () => {
  const outputs = Float32Array.of(1, 0, 0, 1, 1, 0, Number.NaN, Number.NaN);
  const labels = (...values: number[]) => ({ file: "l", shape: [values.length], values: Float32Array.from(values) });
  expect(accuracyOf(outputs, [4, 2], labels(0, 1, 1, 0))).toBe(0.5);
  expect(() => accuracyOf(outputs, [4, 2], labels(0, 1))).toThrow(/l: expected 4 class indices/);
  expect(() => accuracyOf(outputs, [4, 2], labels(0, 1, 2, 0))).toThrow(/0 to 1, got 2 at position 2/);
  expect(() => accuracyOf(outputs, [4, 2], labels(0, 0.5, 0, 0))).toThrow(/got 0.5 at position 1/);
});

const array = (...shape: number[]) => ({
  file: "x",
  shape,
  values: new Float32Array(shape.reduce((product, size) => product * size, 1)),
});

test.each([
  { shape: [5, 28, 28], model: [784], count: 5, sampleShape: [28, 28] },
  { shape: [5, 784], model: [28, 28, 1], count: 5, sampleShape: [784] },
  { shape: [28, 28], model: [784], count: 1, sampleShape: [28, 28] },
  { shape: [784], model: [784], count: 1, sampleShape: [784] },
  { shape: [784, 784], model: [784], count: 784, sampleShape: [784] },
  { shape: [2, 9], model: [null], count: 2, sampleShape: [9] },
  { shape: [9], model: [null], count: 1, sampleShape: [9] },
  { shape: [2, 9, 4], model: [null, 4], count: 2, sampleShape: [9, 4] },
  { shape: [3, 7], model: undefined, count: 3, sampleShape: [7] },
])("$shape holds $count samples for a model of $model", ({ shape, model, count, sampleShape }) => {
  expect(samplesFor(array(...shape), model)).toMatchObject({ count, sampleShape });
});

test.each([
  { shape: [5, 27, 28], model: [784] },
  { shape: [2, 9, 5], model: [null, 4] },
  { shape: [0, 784], model: [784] },
  { shape: [], model: [784] },
])("$shape holds no samples for a model of $model", ({ shape, model }) => {
  expect(() => samplesFor(array(...shape), model)).toThrow(/^x: /);
});
