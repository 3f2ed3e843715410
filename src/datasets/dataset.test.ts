import { expect, test } from "vitest";
import { ShapeError } from "../core/errors.ts";
import { checkDataset, type Dataset, sampleCount, subset } from "./dataset.ts";

const pairs: Dataset = {
  name: "pairs",
  inputs: Float32Array.of(1, 2, 3, 4, 5, 6),
  inputShape: [2],
  targets: Int32Array.of(0, 1, 2),
  targetShape: [],
  classes: ["a", "b", "c"],
};

test("samples are counted by the shape of one", () => {
  expect(sampleCount(pairs)).toBe(3);
  expect(sampleCount({ ...pairs, inputShape: [1, 6] })).toBe(1);
});

test("a subset holds the samples of its range and their targets, over the same memory", () => {
  const part = subset(pairs, 1, 3);
  expect(part.inputs).toEqual(Float32Array.of(3, 4, 5, 6));
  expect(part.targets).toEqual(Int32Array.of(1, 2));
  expect(part.inputs.buffer).toBe(pairs.inputs.buffer);
  expect(checkDataset(part)).toBe(part);
});

test("a subset keeps targets that are sequences whole", () => {
  const sequences: Dataset = { ...pairs, targets: Int32Array.of(0, 1, 2, 0, 1, 2), targetShape: [2] };
  expect(subset(sequences, 2, 3).targets).toEqual(Int32Array.of(1, 2));
});

test.each([
  [0, 4],
  [-1, 2],
  [2, 2],
  [2, 1],
  [0.5, 2],
  [0, Number.NaN],
])("a subset from %d to %d is refused", (start, end) => {
  expect(() => subset(pairs, start, end)).toThrow(ShapeError);
});

test.each<[string, Partial<Dataset>, RegExp]>([
  ["a part of a sample", { inputShape: [4] }, /whole samples of shape \[4\], got 6 values/],
  ["no sample", { inputs: new Float32Array(0), targets: new Int32Array(0) }, /one or more whole samples/],
  ["a size of zero", { inputShape: [2, 0] }, /at least 1, got 0/],
  ["a target too few", { targets: Int32Array.of(0, 1) }, /3 values .* got 2/],
  ["a target shape that does not fit", { targetShape: [2] }, /6 values/],
  ["a class beyond the list", { targets: Int32Array.of(0, 3, 1) }, /0 to 2, got 3 at position 1/],
  ["a negative class", { targets: Int32Array.of(0, 1, -1) }, /got -1 at position 2/],
])("a dataset with %s is refused", (_, change, message) => {
  const broken = { ...pairs, ...change };
  expect(() => checkDataset(broken)).toThrow(ShapeError);
  expect(() => checkDataset(broken)).toThrow(message);
});

test("real targets are not taken for classes", () => {
  expect(() => checkDataset({ ...pairs, targets: Float32Array.of(-1, 0.5, 9) })).not.toThrow();
});
