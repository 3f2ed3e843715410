/** Operations may write over what nobody else reads, and over nothing else. */
import { expect, test } from "vitest";
import { DeployedModel } from "./deployed-model.ts";
import type { GraphNode } from "./graph.ts";

function node(
  op: string,
  inputs: number[],
  tensors: GraphNode["tensors"] = {},
  attributes: GraphNode["attributes"] = {},
) {
  return (name: number): GraphNode => ({ name: String(name), op, inputs, attributes, tensors });
}

const ones = { kind: "float32", shape: [2], values: Float32Array.of(1, 1) } as const;
const tens = { kind: "float32", shape: [1, 2], values: Float32Array.of(10, 10) } as const;
const negate = { kind: "float32", shape: [2], values: Float32Array.of(-1, -1) } as const;
const zeros = { kind: "float32", shape: [2], values: new Float32Array(2) } as const;
const norm = { weight: negate, bias: zeros, mean: zeros, variance: ones };
const relu = { function: "relu" };
const eps = { eps: 0 };

test.each([
  [
    "a value that is read again",
    [node("add", [0, 0]), node("batch-norm", [1], norm, eps), node("add", [1, 2])],
    [0, 0],
  ],
  [
    "a value under its second name",
    [node("add", [0, 0]), node("flatten", [1]), node("batch-norm", [2], norm, eps), node("add", [1, 3])],
    [0, 0],
  ],
  ["the output", [node("add", [0, 0]), node("batch-norm", [1], norm, eps)], [2, -4], 1],
  [
    "the output under its second name",
    [node("add", [0, 0]), node("flatten", [1]), node("batch-norm", [1], norm, eps)],
    [2, -4],
    2,
  ],
  ["the input", [node("batch-norm", [0], norm, eps), node("add", [0, 1])], [0, 0]],
  ["the input under its second name", [node("flatten", [0]), node("activation", [1], {}, relu)], [1, 0]],
  ["a value that is read twice at once", [node("add", [0, 0]), node("add", [1, 1])], [4, -8]],
  [
    "nothing but what is free",
    [node("add", [0, 0]), node("batch-norm", [1], norm, eps), node("activation", [2], {}, relu), node("add", [3, 0])],
    [1, 2],
  ],
] as const)("%s stays as it is", async (_, nodes, expected, output: number = nodes.length) => {
  using model = await DeployedModel.open({ nodes: nodes.map((make, i) => make(i)), output }, { backend: "reference" });
  const x = Float32Array.of(1, -2);
  for (let repeat = 0; repeat < 2; repeat++) {
    expect(Array.from(await model.run(x, { shape: [1, 2] }))).toEqual(expected);
    expect(Array.from(x)).toEqual([1, -2]);
  }
});

test("positions of a sequence", async () => {
  const nodes = [node("add", [0, 0]), node("position-embedding", [1], { weight: tens }), node("add", [1, 2])];
  using model = await DeployedModel.open(
    { nodes: nodes.map((make, i) => make(i)), output: 3 },
    { backend: "reference" },
  );
  expect(Array.from(await model.run([1, -2], { shape: [1, 1, 2] }))).toEqual([14, 2]);
});
