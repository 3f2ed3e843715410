import { describe, expect, test } from "vitest";
import { modelFormats } from "../formats/index.ts";
import { quantizers } from "../quantizers/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { estimateMemory } from "./estimate-memory.ts";
import { Module } from "./module.ts";
import { BitConv2d } from "./modules/bit-conv2d.ts";
import { BitLinear } from "./modules/bit-linear.ts";
import { Embedding } from "./modules/embedding.ts";
import { Linear } from "./modules/linear.ts";
import { MultiTernaryLinear } from "./modules/multi-ternary-linear.ts";
import { Sequential } from "./modules/sequential.ts";
import { packedByteLengths } from "./summary-bytes.ts";

/** A BitLinear for every quantizer and granularity, and every other ternary layer. */
const layers: [string, Module][] = [
  ...quantizers.flatMap(({ id, granularities }) =>
    granularities.map((granularity): [string, Module] => [
      `BitLinear, ${id} ${granularity}`,
      new BitLinear(13, 3, { quantizer: id, quantizerOptions: { granularity } }),
    ]),
  ),
  ["BitLinear without bias", new BitLinear(13, 3, { bias: false })],
  ["BitConv2d", Object.assign(new BitConv2d(2, 3, [3, 2]), { inputShape: [5, 5, 2] })],
  ["BitConv2d per row", Object.assign(new BitConv2d(2, 3, 3, { quantizer: "absmax" }), { inputShape: [5, 5, 2] })],
  ["three greedy planes", new MultiTernaryLinear(13, 3, { planes: 3 })],
  ["two joint planes", new MultiTernaryLinear(13, 3, { fit: "joint" })],
];

describe.each(modelFormats)("in $id", (format) => {
  test.each(layers)("%s takes the bytes that deploy() packs", async (_, layer) => {
    const { packed } = await estimateMemory(layer);
    expect(packedByteLengths([layer], format)).toEqual([packed[format.id]]);
  });
});

test("a layer in several places counts in the first", () => {
  const [shared, format] = [new BitLinear(10, 2, { bias: false }), modelFormats[0]];
  const bytes = 2 * 2 + 4; // two rows of five trits a byte, one scale
  expect(packedByteLengths([shared, new Linear(2, 10, { bias: false }), shared], format)).toEqual([bytes, 80, 0]);
});

test("a weight that one layer packs and another one reads as floats is stored both ways, in either order", () => {
  class Tied extends Module {
    readonly head = new BitLinear(10, 2, { bias: false });
    readonly table: Embedding = Object.assign(new Embedding(2, 10), { weight: this.head.weight });
    override forward(x: Tensor): Tensor {
      return this.head.forward(this.table.forward(x));
    }
  }
  const { head, table } = new Tied();
  expect(packedByteLengths([head, table], modelFormats[0])).toEqual([8, 80]);
  expect(packedByteLengths([table, head], modelFormats[0])).toEqual([80, 8]);
});

test("parameters() has a shared parameter once", () => {
  const shared = new Linear(2, 2);
  expect(new Sequential(shared, new Linear(2, 2), shared).parameters()).toHaveLength(4);
});
