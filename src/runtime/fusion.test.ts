import { expect, test } from "vitest";
import { type Backend, type LayerOptions, openBackend } from "../backends/index.ts";
import { formatById } from "../formats/index.ts";
import { DeployedModel } from "./deployed-model.ts";
import { findFusion } from "./fusion.ts";
import type { Graph, GraphNode } from "./graph.ts";

const scales = Float32Array.of(1);
const weight = {
  kind: "ternary",
  format: "i2",
  outFeatures: 2,
  inFeatures: 2,
  bytes: formatById("i2").pack({ outFeatures: 2, inFeatures: 2, trits: Int8Array.of(1, -1, -1, 1), scales }),
  scales,
} as const;
const layer: GraphNode = {
  name: "layer",
  op: "ternary-linear",
  inputs: [0],
  attributes: { activation: "none" },
  tensors: { weight },
};
const relu: GraphNode = { name: "relu", op: "activation", inputs: [1], attributes: { function: "relu" }, tensors: {} };
const tanh: GraphNode = { ...relu, name: "tanh", attributes: { function: "tanh" } };
const sum: GraphNode = { name: "sum", op: "add", inputs: [1, 2], attributes: {}, tensors: {} };

test.each<[string, Graph, (string | undefined)[]]>([
  ["a function right after a layer", { nodes: [layer, relu], output: 2 }, ["relu"]],
  ["one of two functions", { nodes: [layer, relu, { ...relu, name: "second", inputs: [2] }], output: 3 }, ["relu"]],
  ["no function that layers do not apply", { nodes: [layer, tanh], output: 2 }, []],
  ["no function whose input is read elsewhere", { nodes: [layer, relu, sum], output: 3 }, []],
  ["no function whose input is the output", { nodes: [layer, relu], output: 1 }, []],
  [
    "no function of the input",
    {
      nodes: [
        { ...relu, inputs: [0] },
        { ...layer, inputs: [1] },
      ],
      output: 2,
    },
    [],
  ],
])("layers take over %s, and outputs stay the same", async (_, graph, expected) => {
  const { outputFunctions, done } = findFusion(graph);
  expect([...outputFunctions.values()]).toEqual(expected);
  expect(done.size).toBe(expected.length);

  const reference = await openBackend("reference");
  const applied: LayerOptions["outputFunction"][] = [];
  const watched: Backend = {
    ...reference,
    linear(planes, options) {
      applied.push(options.outputFunction);
      return reference.linear(planes, options);
    },
  };
  using model = await DeployedModel.open(graph, { backend: watched });
  expect(applied).toEqual(expected.length > 0 ? expected : [undefined]);
  const plain = plainOutput(graph, [3, -1]);
  expect(Array.from(await model.run([3, -1], { shape: [1, 2] }))).toEqual(plain);
});

/** The graphs above, computed by hand. */
function plainOutput({ nodes, output }: Graph, x: number[]): number[] {
  const values = [x];
  for (const node of nodes) {
    const [a, b] = node.inputs.map((index) => values[index]);
    if (node === layer || node.name === layer.name) values.push([a[0] - a[1], a[1] - a[0]]);
    else if (b) values.push(a.map((value, i) => value + b[i]));
    else values.push(a.map((value) => (node.name === "tanh" ? Math.fround(Math.tanh(value)) : Math.max(0, value))));
  }
  return values[output];
}
