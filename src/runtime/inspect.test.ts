import { expect, test } from "vitest";
import { ShapeError } from "../core/errors.ts";
import { formatById } from "../formats/index.ts";
import { DeployedModel } from "./deployed-model.ts";
import type { Graph, GraphNode, PackedTensor } from "./graph.ts";
import { inspectModel } from "./inspect.ts";

/** 2 x 5: three of -1, five of 0, two of +1. */
const trits = Int8Array.from([-1, 0, 0, 1, 0, -1, -1, 1, 0, 0]);

function plane(format: string, scales: Float32Array): PackedTensor {
  const shape = { outFeatures: 2, inFeatures: 5 };
  return { kind: "ternary", format, ...shape, bytes: formatById(format).pack({ ...shape, trits, scales }), scales };
}

const bias = { kind: "float32", shape: [2], values: Float32Array.of(1, 2) } as const;
const layer: GraphNode = {
  name: "layers.0",
  op: "ternary-linear",
  inputs: [0],
  attributes: { activation: "int8" },
  tensors: { weight: plane("base3", Float32Array.of(1)), bias },
};
const planes = { "weight.0": plane("i2", Float32Array.of(1, 2)), "weight.1": plane("i2", Float32Array.of(1)) };
const twoPlanes: GraphNode = { ...layer, name: "two", tensors: planes };
const relu: GraphNode = { name: "relu", op: "activation", inputs: [1], attributes: { function: "relu" }, tensors: {} };
const graph: Graph = { nodes: [layer, relu], output: 2, inputShape: [5] };

test("trits, bytes and bits of a ternary layer are counted", () => {
  const [node] = inspectModel(graph).nodes;
  expect(node).toEqual({
    name: "layers.0",
    op: "ternary-linear",
    summary: "ternary fully connected layer",
    description: "weight [2, 5], bias [2], activation=int8",
    parameters: 12,
    trits: { negative: 0.3, zero: 0.5, positive: 0.2 },
    sparsity: 0.5,
    bitsPerWeight: (8 * (2 + 4)) / 10, // two rows of one byte and a scale
    byteLength: 2 + 4 + 8,
    floatByteLength: 48,
    isExact: true,
  });
});

test("two planes are one weight of twice the bits", () => {
  const { total } = inspectModel({ nodes: [twoPlanes], output: 1 });
  expect(total.parameters).toBe(10);
  expect(total.trits).toEqual({ negative: 0.3, zero: 0.5, positive: 0.2 });
  expect(total.bitsPerWeight).toBe((8 * (4 + 8 + 4 + 4)) / 10);
  expect([total.byteLength, total.floatByteLength]).toEqual([20, 40]);
});

test("a model is the sum of its operations", async () => {
  using model = await DeployedModel.open({ ...graph, nodes: [layer, { ...twoPlanes, inputs: [0] }, relu], output: 3 });
  const { nodes, total, compression, inputShape } = inspectModel(model);
  expect(inputShape).toEqual([5]);
  expect(total.parameters).toBe(22);
  expect(total.byteLength).toBe(nodes[0].byteLength + nodes[1].byteLength);
  expect(total.byteLength).toBe(model.byteLength);
  expect(total.floatByteLength).toBe(model.floatByteLength);
  expect(total.bitsPerWeight).toBe((8 * (6 + 20)) / 20);
  expect(compression).toBe(88 / 34);
  expect(nodes[2]).toMatchObject({ parameters: 0, byteLength: 0, trits: undefined, bitsPerWeight: undefined });
});

test.each([
  [{ op: "activation", attributes: { function: "relu" } }, true],
  [{ op: "activation", attributes: { function: "gelu" } }, false],
  [{ attributes: { activation: "sign" } }, true],
  [{ attributes: { activation: "none" } }, false],
  [{ op: "linear" }, false],
])("exactness follows the attributes: %o", (change, isExact) => {
  const { nodes, total } = inspectModel({ nodes: [{ ...layer, ...change }, relu], output: 2 });
  expect([nodes[0].isExact, total.isExact]).toEqual([isExact, isExact]);
});

test("a model without weights has no compression", () => {
  expect(inspectModel({ nodes: [relu], output: 1 }).compression).toBeUndefined();
});

test("codes that stand for no trits are refused", () => {
  const weight = { ...planes["weight.0"], bytes: new Uint8Array(4).fill(255) };
  expect(() => inspectModel({ nodes: [{ ...layer, tensors: { weight } }], output: 1 })).toThrow(ShapeError);
});
