/** Sizes and seeds that no layer can have are refused before its weights are made. */
import { expect, test } from "vitest";
import { ShapeError } from "../../core/errors.ts";
import { estimateMemory } from "../estimate-memory.ts";
import { BitConv2d } from "./bit-conv2d.ts";
import { BitLinear } from "./bit-linear.ts";
import { Conv2d } from "./conv2d.ts";
import { Embedding } from "./embedding.ts";
import { Linear } from "./linear.ts";
import { MultiTernaryLinear } from "./multi-ternary-linear.ts";
import { PositionEmbedding } from "./position-embedding.ts";

// The products below fit in no array, so a layer that made its weights first would fail with another error.
test.each([
  ["BitLinear", () => new BitLinear(200_000, 1e12)],
  ["BitConv2d", () => new BitConv2d(50_000, 1e12, 3)],
  ["MultiTernaryLinear", () => new MultiTernaryLinear(200_000, 1e12)],
])("%s looks at the inputs of an output first", (_, make) => {
  expect(make).toThrow(ShapeError);
  expect(make).toThrow("at most 132104 inputs");
});

test.each([
  ["Linear", () => new Linear(1e9, 1e9)],
  ["BitLinear", () => new BitLinear(100_000, 1e9)],
  ["MultiTernaryLinear", () => new MultiTernaryLinear(100_000, 1e9)],
  ["Conv2d", () => new Conv2d(1e6, 1e6, 3)],
  ["Embedding", () => new Embedding(1e9, 1e9)],
  ["PositionEmbedding", () => new PositionEmbedding(1e9, 1e9)],
])("%s refuses more weights than an array holds", (_, make) => {
  expect(make).toThrow(ShapeError);
  expect(make).toThrow("at most 1073741824 fit in one array");
});

test("estimateMemory refuses a layer that no array holds", async () => {
  await expect(estimateMemory({ inFeatures: 132_104, outFeatures: 1e6 })).rejects.toThrow(ShapeError);
});

test.each([Number.NaN, 0.5, Number.POSITIVE_INFINITY])("a seed of %s is refused", (seed) => {
  expect(() => new Linear(2, 2, { seed })).toThrow(new ShapeError(`seed must be a whole number, got ${seed}`));
  expect(() => new BitLinear(2, 2, { seed })).toThrow(ShapeError);
});
