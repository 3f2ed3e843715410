import { expect, test } from "vitest";
import type { Inspection } from "./inspect.ts";
import { formatInspection } from "./inspection-text.ts";

const layer = {
  parameters: 1200,
  trits: { negative: 0.3, zero: 0.5, positive: 0.2 },
  sparsity: 0.5,
  bitsPerWeight: 1.604,
  byteLength: 246,
  floatByteLength: 4800,
  isExact: true,
};
const none = { trits: undefined, sparsity: undefined, bitsPerWeight: undefined };
const norm = { ...none, parameters: 5, byteLength: 20, floatByteLength: 20, isExact: false };
const inspection: Inspection = {
  inputShape: [null, 5],
  nodes: [
    { ...layer, name: "layers.0", op: "ternary-linear", summary: "", description: "weight [240, 5]" },
    { ...norm, name: "norm", op: "rms-norm", summary: "", description: "weight [5], eps=0.00001" },
  ],
  total: { ...layer, parameters: 1205, byteLength: 266, floatByteLength: 4820, isExact: false },
  compression: 4820 / 266,
};

test("the table has a line for each operation and one for all", () => {
  expect(formatInspection(inspection).replaceAll("─", "").split("\n")).toEqual([
    "layer     operation       parameters     −1      0     +1  bits  bytes  exact  contents",
    "",
    "layers.0  ternary-linear       1,200  30.0%  50.0%  20.0%  1.60    246    yes  weight [240, 5]",
    "norm      rms-norm                 5                                20     no  weight [5], eps=0.00001",
    "",
    "total                          1,205  30.0%  50.0%  20.0%  1.60    266     no",
    "",
    "input [batch, any, 5]; 1,205 parameters in 266 B (266 bytes), 4.82 kB as float32: 18.1× smaller",
  ]);
});

test("a model without weights or input shape is told as one", () => {
  const total = { ...norm, parameters: 0, byteLength: 0, floatByteLength: 0 };
  const text = formatInspection({ inputShape: undefined, nodes: [], total, compression: undefined });
  expect(text).toContain("input [batch, any shape]; 0 parameters in 0 B (0 bytes), 0 B as float32");
  expect(text).not.toContain("smaller");
});
