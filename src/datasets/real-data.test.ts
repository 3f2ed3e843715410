/** The loaders on the published data sets, where this machine has them. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { DATA_VARIABLE } from "./data-directory.ts";
import { checkDataset, type Dataset, sampleCount } from "./dataset.ts";
import { loadMnist } from "./mnist.ts";
import { loadSpokenDigits } from "./spoken-digits.ts";
import { characterDataset, loadTinyShakespeare } from "./text.ts";

const directory = process.env[DATA_VARIABLE] || fileURLToPath(new URL("../../../shared/data", import.meta.url));
const lacks = (folder: string) => !existsSync(join(directory, folder));
const needs = (folder: string) => `(needs ${folder} in ${DATA_VARIABLE} or ../shared/data)`;

function countsOfClasses({ targets }: Dataset): number[] {
  const counts = new Array<number>(10).fill(0);
  for (const target of targets) counts[target]++;
  return counts;
}

test.skipIf(lacks("mnist"))(`MNIST has its known labels and brightness ${needs("mnist")}`, async () => {
  const { train, test } = await loadMnist(directory);
  expect(sampleCount(checkDataset(train))).toBe(60_000);
  expect(sampleCount(checkDataset(test))).toBe(10_000);
  expect(countsOfClasses(train)).toEqual([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
  expect(countsOfClasses(test)).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
  let sum = 0;
  for (const value of train.inputs) sum += value;
  // the published mean has four digits; a copy that went through another image format may miss by a level in 1 of 20 pixels
  expect(Math.abs(sum / train.inputs.length - 0.1307)).toBeLessThanOrEqual(0.5e-4 + 1 / 20 / 255);
});

test.skipIf(lacks("free-spoken-digit-dataset"))(
  `the spoken digits have the official split ${needs("free-spoken-digit-dataset")}`,
  async () => {
    const { train, test } = await loadSpokenDigits(directory);
    expect(countsOfClasses(checkDataset(train))).toEqual(new Array(10).fill(270));
    expect(countsOfClasses(checkDataset(test))).toEqual(new Array(10).fill(30));
    expect(train.inputs.every(Number.isFinite)).toBe(true);
  },
);

test.skipIf(lacks("tinyshakespeare"))(`tiny Shakespeare has 65 characters ${needs("tinyshakespeare")}`, async () => {
  const { train, test, vocabulary } = characterDataset(await loadTinyShakespeare(directory), { sequenceLength: 64 });
  expect(vocabulary.characters).toHaveLength(65);
  expect(sampleCount(checkDataset(train))).toBe(Math.floor((Math.round(1_115_394 * 0.9) - 1) / 64));
  expect(vocabulary.decode(train.inputs.subarray(0, 14))).toBe("First Citizen:");
  expect(sampleCount(test)).toBeGreaterThan(1700);
});
