import { expect, test } from "vitest";
import { ShapeError } from "../core/errors.ts";
import { checkDataset, type Dataset, sampleCount, subset } from "./dataset.ts";
import { syntheticDigits } from "./digits.ts";

const small = syntheticDigits({ seed: 7, train: 100, test: 40 });

test("digits are images of 28 x 28 grey levels with their class", () => {
  for (const [dataset, count] of [
    [small.train, 100],
    [small.test, 40],
  ] as const) {
    expect(checkDataset(dataset)).toBe(dataset);
    expect(sampleCount(dataset)).toBe(count);
    expect(dataset.inputShape).toEqual([28, 28, 1]);
    const isLevel = (value: number) => value >= 0 && value <= 1 && value === Math.fround(Math.round(value * 255) / 255);
    expect(dataset.inputs.every(isLevel)).toBe(true);
  }
});

test("equal seeds draw equal images, other seeds others", () => {
  expect(syntheticDigits({ seed: 7, train: 100, test: 40 })).toEqual(small);
  expect(syntheticDigits({ seed: 8, train: 100, test: 40 }).train.inputs).not.toEqual(small.train.inputs);
});

test("a larger set continues a smaller one", () => {
  const fewer = syntheticDigits({ seed: 7, train: 53, test: 17 });
  expect(fewer.train).toEqual(subset(small.train, 0, 53));
  expect(fewer.test).toEqual(subset(small.test, 0, 17));
});

test("the images of seed 1 stay the ones that published figures were measured on", () => {
  const { inputs, targets } = subset(syntheticDigits({ train: 200, test: 1 }).train, 0, 200);
  let hash = 0x811c9dc5; // FNV-1a
  for (const value of inputs) hash = Math.imul(hash ^ Math.round(255 * value), 0x01000193) >>> 0;
  for (const target of targets) hash = Math.imul(hash ^ target, 0x01000193) >>> 0;
  expect(hash.toString(16)).toBe("521362a8");
});

test("every ten samples hold each digit once, and the ink is on the paper", () => {
  for (let ten = 0; ten < 10; ten++) {
    const digits = small.train.targets.slice(10 * ten, 10 * ten + 10);
    expect([...digits].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  }
  for (let i = 0; i < 100; i++) {
    const ink = subset(small.train, i, i + 1).inputs.reduce((sum, value) => sum + value, 0);
    expect(ink).toBeGreaterThan(15); // the thinnest, palest and shortest bar: 15 pixels of 1.5 · 0.75
    expect(ink).toBeLessThan(784 / 2);
  }
});

test("no test image is a training image", () => {
  const seen = new Set<string>();
  for (let i = 0; i < 100; i++) seen.add(subset(small.train, i, i + 1).inputs.join());
  expect(seen.size).toBe(100);
  for (let i = 0; i < 40; i++) expect(seen.has(subset(small.test, i, i + 1).inputs.join())).toBe(false);
});

test("a linear model learns the digits, but leaves room for a better one", () => {
  const { train, test } = syntheticDigits({ seed: 3, train: 2_000, test: 1_000 });
  const accuracy = accuracyOfLinearModel(train, test);
  expect(accuracy).toBeGreaterThan(0.7);
  expect(accuracy).toBeLessThan(0.92);
});

test("a count below one is refused", () => {
  expect(() => syntheticDigits({ train: 0 })).toThrow(ShapeError);
  expect(() => syntheticDigits({ test: 1.5 })).toThrow(/number of test digits .* got 1.5/);
});

/** Test accuracy of softmax regression after ten passes of gradient descent, one sample a step. */
function accuracyOfLinearModel(train: Dataset, test: Dataset): number {
  const weights = Array.from({ length: 10 }, () => new Float32Array(784));
  const scoresOf = ({ inputs }: Dataset, sample: number) =>
    weights.map((row) => {
      let score = 0;
      for (let k = 0; k < 784; k++) score += row[k] * inputs[sample * 784 + k];
      return score;
    });
  for (let pass = 0; pass < 10; pass++) {
    for (let i = 0; i < sampleCount(train); i++) {
      const exponentials = scoresOf(train, i).map(Math.exp);
      const sum = exponentials.reduce((a, b) => a + b);
      for (const [digit, row] of weights.entries()) {
        const step = 0.02 * ((train.targets[i] === digit ? 1 : 0) - exponentials[digit] / sum);
        for (let k = 0; k < 784; k++) row[k] += step * train.inputs[i * 784 + k];
      }
    }
  }
  let right = 0;
  for (let i = 0; i < sampleCount(test); i++) {
    const scores = scoresOf(test, i);
    if (scores.indexOf(Math.max(...scores)) === test.targets[i]) right++;
  }
  return right / sampleCount(test);
}
