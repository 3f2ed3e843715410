import { expect, test } from "vitest";
import { ShapeError } from "../core/errors.ts";
import { manualSeed, nextSeed } from "./initialise.ts";
import type { Module } from "./module.ts";
import { BitConv2d } from "./modules/bit-conv2d.ts";
import { BitLinear } from "./modules/bit-linear.ts";
import { Conv2d } from "./modules/conv2d.ts";
import { Embedding } from "./modules/embedding.ts";
import { Linear } from "./modules/linear.ts";
import { MultiHeadAttention } from "./modules/multi-head-attention.ts";
import { MultiTernaryLinear } from "./modules/multi-ternary-linear.ts";
import { PositionEmbedding } from "./modules/position-embedding.ts";
import { TransformerBlock } from "./modules/transformer-block.ts";

/** Every module with initial values that are random, by name; `seed` undefined leaves it to the sequence. */
const seeded: Record<string, (seed?: number) => Module> = {
  Linear: (seed) => new Linear(4, 4, seed === undefined ? {} : { seed }),
  BitLinear: (seed) => new BitLinear(4, 4, seed === undefined ? {} : { seed }),
  MultiTernaryLinear: (seed) => new MultiTernaryLinear(4, 4, seed === undefined ? {} : { seed }),
  Conv2d: (seed) => new Conv2d(2, 2, 2, seed === undefined ? {} : { seed }),
  BitConv2d: (seed) => new BitConv2d(2, 2, 2, seed === undefined ? {} : { seed }),
  Embedding: (seed) => new Embedding(4, 4, seed === undefined ? {} : { seed }),
  PositionEmbedding: (seed) => new PositionEmbedding(4, 4, seed === undefined ? {} : { seed }),
  MultiHeadAttention: (seed) => new MultiHeadAttention(4, 2, seed === undefined ? {} : { seed }),
  TransformerBlock: (seed) => new TransformerBlock(4, 2, seed === undefined ? {} : { seed }),
};

test.each(Object.entries(seeded))(
  "two of %s without a seed differ, and restarting the sequence repeats them",
  (_, create) => {
    manualSeed(7);
    const [first, second] = [create().stateDict(), create().stateDict()];
    for (const name of Object.keys(first).filter((name) => /(weight|query|up)$/.test(name) && !name.includes("Norm"))) {
      expect(first[name]).not.toEqual(second[name]);
    }
    manualSeed(7);
    expect([create().stateDict(), create().stateDict()]).toEqual([first, second]);
    manualSeed(8);
    expect(create().stateDict()).not.toEqual(first);
  },
);

test.each(Object.entries(seeded))("%s takes one seed of the sequence, and none when it is given one", (_, create) => {
  manualSeed(3);
  const [drawn, next, afterNext] = [nextSeed(), nextSeed(), nextSeed()];
  manualSeed(3);
  const module = create();
  expect(nextSeed()).toBe(next);
  const explicit = create(drawn);
  expect(explicit.stateDict()).toEqual(module.stateDict());
  expect(nextSeed()).toBe(afterNext);
});

test("parts of equal shape within a module differ", () => {
  const { query, key, value, output } = new MultiHeadAttention(4, 2);
  const first = [query, key, value, output].map(({ weight }) => weight.value[0]);
  expect(new Set(first).size).toBe(4);
});

test("conversions take no seed: their values are replaced", () => {
  const [linear, convolution] = [new Linear(4, 4), new Conv2d(2, 2, 2)];
  manualSeed(3);
  const next = nextSeed();
  manualSeed(3);
  BitLinear.fromLinear(linear);
  MultiTernaryLinear.fromLinear(linear);
  BitConv2d.fromConv2d(convolution);
  expect(nextSeed()).toBe(next);
});

test("a seed is a whole number", () => {
  for (const seed of [0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => manualSeed(seed)).toThrow(new ShapeError(`seed must be a whole number, got ${seed}`));
  }
});
