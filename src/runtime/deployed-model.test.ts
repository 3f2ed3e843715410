import { expect, test } from "vitest";
import { openBackend } from "../backends/index.ts";
import { ShapeError, UnsupportedError } from "../core/errors.ts";
import { DeployedModel } from "./deployed-model.ts";
import type { Graph, GraphNode } from "./graph.ts";

const relu: GraphNode = { name: "0", op: "activation", inputs: [0], attributes: { function: "relu" }, tensors: {} };
const sum: GraphNode = { name: "1", op: "add", inputs: [0, 1], attributes: {}, tensors: {} };
const graph: Graph = { nodes: [relu, sum], output: 2, inputShape: [2] };

test("a backend may be named, given or left to the machine", async () => {
  const backend = await openBackend("reference");
  for (const options of [{}, { backend: "reference" }, { backend }]) {
    using model = await DeployedModel.open(graph, options);
    expect(await model.run([1, -1, 2, -3])).toEqual(Float32Array.of(2, -1, 4, -3));
  }
  await expect(DeployedModel.open(graph, { backend: "abacus" })).rejects.toThrow(UnsupportedError);
});

test.each<[string, Partial<GraphNode>, typeof ShapeError | typeof UnsupportedError, RegExp]>([
  ["one value too few", { inputs: [0] }, ShapeError, /^add "1": it reads 2 values, got 1$/],
  ["one value too many", { inputs: [0, 1, 1] }, ShapeError, /^add "1": it reads 2 values, got 3$/],
  ["a value of its own", { inputs: [0, 2] }, ShapeError, /^node "1" reads value 2/],
  [
    "an unknown operation",
    { op: "subtract" },
    UnsupportedError,
    /^subtract "1": there is no operation .* known: .*add/,
  ],
  ["missing attributes", { op: "activation", inputs: [1] }, ShapeError, /^activation "1" needs attribute function/],
])("a node with %s is refused by name", async (_, change, type, message) => {
  const opening = DeployedModel.open({ ...graph, nodes: [relu, { ...sum, ...change }] });
  await expect(opening).rejects.toThrow(message);
  await expect(opening).rejects.toThrow(type);
});

test("metadata are empty where the graph has none", async () => {
  using plain = await DeployedModel.open(graph);
  using named = await DeployedModel.open({ ...graph, metadata: { classes: "a,b" } });
  expect(plain.metadata).toEqual({});
  expect(named.metadata).toEqual({ classes: "a,b" });
});

test("sizes count packed trits, scales and floats, and a multi-ternary weight once as float", async () => {
  const plane = {
    kind: "ternary",
    format: "base3",
    outFeatures: 2,
    inFeatures: 7,
    bytes: new Uint8Array(4).fill(121),
  } as const;
  using model = await DeployedModel.open({
    nodes: [
      {
        name: "0",
        op: "ternary-linear",
        inputs: [0],
        attributes: { activation: "int8" },
        tensors: {
          "weight.0": { ...plane, scales: Float32Array.of(1) },
          "weight.1": { ...plane, scales: Float32Array.of(1, 2) },
          bias: { kind: "float32", shape: [2], values: Float32Array.of(1, 2) },
        },
      },
    ],
    output: 1,
  });
  expect(model.byteLength).toBe(4 + 4 + 4 + 8 + 8);
  expect(model.floatByteLength).toBe(4 * (14 + 2));
});

test("samples of the trained shape need no shape where sizes may vary", async () => {
  const nodes = [relu];
  using model = await DeployedModel.open({ nodes, output: 1, inputShape: [null, 2], sampleShape: [3, 2] });
  expect((await model.runTensor(new Float32Array(12))).shape).toEqual([2, 3, 2]);
  expect((await model.runTensor(new Float32Array(12), { shape: [1, 6, 2] })).shape).toEqual([1, 6, 2]);
  await expect(model.run(new Float32Array(4))).rejects.toThrow("[batch, 3, 2], so a multiple of 6 values, got 4");
  await expect(model.run(new Float32Array(12), { shape: [4, 3] })).rejects.toThrow("[batch, any, 2], got [4, 3]");
  const misfit = DeployedModel.open({ nodes, output: 1, inputShape: [null, 2], sampleShape: [3, 3] });
  await expect(misfit).rejects.toThrow("samples of shape [3, 3] do not fit [any, 2]");
});

test("a model that knows no shape asks for one", async () => {
  using model = await DeployedModel.open({ nodes: [relu], output: 1 });
  await expect(model.run(new Float32Array(12))).rejects.toThrow("[batch, ...]: pass { shape: [batch, ...] }");
});

test("the output never shares memory with the input", async () => {
  const flatten = { name: "flatten", op: "flatten", inputs: [0], attributes: {}, tensors: {} };
  for (const nodes of [[], [flatten]]) {
    using model = await DeployedModel.open({ nodes, output: nodes.length, inputShape: [2] });
    const x = Float32Array.of(1, 2);
    const y = await model.run(x);
    expect(y).toEqual(x);
    expect(y.buffer).not.toBe(x.buffer);
  }
});
