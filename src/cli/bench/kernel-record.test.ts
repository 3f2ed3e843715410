import { expect, test } from "vitest";
import { kernelRecord, type TimedProduct } from "./kernel-record.ts";
import { kernelTable } from "./kernel-table.ts";

const ceiling = { threads: 1, dramReadGBps: 20, int8DotGops: 1000, int8DotGopsOf: { best: 1000, small: 500 } };
const unknown = { threads: 1, dramReadGBps: null, int8DotGops: null, int8DotGopsOf: {} };
/** 1000 × 500 weights in 125,000 bytes, in 10 µs. */
const product: TimedProduct = {
  layer: { backend: "native", kernel: "small", threads: 1, byteLength: 125_000 },
  ...{ shape: [1000, 500], m: 1, mode: "cold", samples: [12, 10, 9] },
};

test("one token with cold weights is held against the bandwidth of memory", () => {
  expect(kernelRecord(product, ceiling)).toEqual({
    ...{ backend: "native", kernel: "small", threads: 1, m: 1, n: 1000, k: 500, mode: "cold" },
    ...{ microseconds: 10, spread: [9, 12], sampleCount: 3, byteLength: 125_000 },
    gops: 100, // 10⁶ operations
    packedGBps: 12.5,
    ...{ ceiling: "dramRead", shareOfCeiling: 0.625, shareOfOwnPeak: null },
  });
});

test.each([
  [{ m: 1, mode: "warm" }, 100],
  [{ m: 4, mode: "warm" }, 400],
  [{ m: 4, mode: "cold" }, 400],
] as const)("%j is held against the peak of int8 products", (change, gops) => {
  const shares = { ceiling: "int8Dot", shareOfCeiling: gops / 1000, shareOfOwnPeak: gops / 500 };
  expect(kernelRecord({ ...product, ...change }, ceiling)).toMatchObject({ gops, ...shares });
});

test("without ceilings there are no shares", () => {
  for (const mode of ["cold", "warm"] as const) {
    const shares = { shareOfCeiling: null, shareOfOwnPeak: null };
    expect(kernelRecord({ ...product, mode }, unknown)).toMatchObject(shares);
  }
});

test("the table has a line for each kernel and a column for each batch", () => {
  const records = [
    kernelRecord(product, ceiling),
    kernelRecord({ ...product, m: 8, mode: "warm", samples: [40] }, ceiling),
    kernelRecord({ ...product, layer: { ...product.layer, kernel: "other" } }, unknown),
  ];
  const [heading, , ...lines] = kernelTable(records)
    .split("\n")
    .map((line) => line.split(/ {2,}/));
  expect(heading).toEqual(["backend", "kernel", "M = 1, cold", "M = 8, warm"]);
  expect(lines).toEqual([
    ["native", "small", "10 µs", "63%", "40 µs", "20%"],
    ["native", "other", "10 µs", "–", "–"],
  ]);
});
