/** Operations may write over what nobody else reads, and over nothing else. */
import { describe, expect, test } from "vitest";
import { backends } from "../backends/index.ts";
import { formatById } from "../formats/index.ts";
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

/** Absent ones are reported where all backends are compared. */
const opened = await Promise.all(backends.map((entry) => entry.open()));
const present = opened.flatMap((backend) => ("unavailable" in backend ? [] : [backend]));

describe("arrays that are kept from run to run", () => {
  const layer = ([name, inFeatures, outFeatures]: readonly [string, number, number], inputs: number[]): GraphNode => ({
    ...{ name, op: "ternary-linear", inputs, attributes: { activation: "int8" } },
    tensors: {
      weight: {
        ...{ kind: "ternary", format: "base3", outFeatures, inFeatures },
        bytes: formatById("base3").pack({
          ...{ outFeatures, inFeatures, scales: Float32Array.of(1) },
          trits: Int8Array.from({ length: outFeatures * inFeatures }, (_, i) => ((i * i) % 3) - (i % 2)),
        }),
        scales: Float32Array.of(1),
      },
    },
  });
  const base = [layer(["a", 6, 6], [0]), layer(["b", 6, 6], [1]), node("add", [1, 2])(2), layer(["c", 6, 6], [3])];
  const six = { kind: "float32", shape: [6], values: Float32Array.of(1, 2, 3, 4, 5, 6) } as const;
  const norm6 = { weight: six, bias: six, mean: six, variance: six };
  const graphs = {
    "a layer": base,
    "a layer and its function": [...base, node("activation", [4], {}, relu)(4)],
    "a layer, shaped anew": [...base, node("flatten", [4])(4)],
    "an operation that overwrites a layer": [...base, node("batch-norm", [4], norm6, eps)(4)],
    "a sum with the input": [...base, node("batch-norm", [4], norm6, eps)(4), node("add", [5, 0])(5)],
    "a value that is read on the way": [...base, layer(["d", 6, 6], [4]), node("add", [5, 4])(5)],
  };
  const inputs = Array.from({ length: 6 }, (_, run) => Float32Array.from({ length: 12 }, (_, i) => Math.sin(i + run)));
  const cases = Object.entries(graphs).flatMap(([end, nodes]) => {
    const graph = { nodes, output: nodes.length, inputShape: [6] };
    return present.map((backend) => ({ end, graph, id: backend.id, backend }));
  });

  describe.each(cases)("$end at the end, $id", ({ graph, backend }) => {
    async function expectedOutputs(): Promise<Float32Array[]> {
      const outputs: Float32Array[] = [];
      for (const input of inputs) {
        using fresh = await DeployedModel.open(graph, { backend });
        outputs.push(await fresh.run(input));
      }
      return outputs;
    }

    test("no result that a caller has is written to", async () => {
      const expected = await expectedOutputs();
      using model = await DeployedModel.open(graph, { backend });
      const results: Float32Array[] = [];
      for (const input of inputs) results.push(await model.run(input));
      expect(results).toEqual(expected);
      expect(new Set(results.map(({ buffer }) => buffer)).size).toBe(inputs.length);
      expect(results.every(({ buffer }) => buffer instanceof ArrayBuffer)).toBe(true); // which can be transferred
      expect(await Promise.all(inputs.map((input) => model.run(input)))).toEqual(expected); // side by side
      expect(results).toEqual(expected);
    });

    test("the output goes where the caller says", async () => {
      const expected = await expectedOutputs();
      using model = await DeployedModel.open(graph, { backend });
      for (const memory of [new ArrayBuffer(48), new SharedArrayBuffer(48)]) {
        const output = new Float32Array(memory).fill(Number.NaN);
        for (const [i, input] of inputs.entries()) {
          expect(await model.run(input, { output })).toBe(output);
          expect(Array.from(output)).toEqual(Array.from(expected[i]));
        }
      }
      const same = inputs[0].slice();
      expect(await model.run(same, { output: same })).toBe(same);
      expect(same).toEqual(expected[0]);
    });
  });

  test.each<[unknown, string]>([
    [new Float32Array(11), "the output has the shape [2, 6], so 12 values, but the array for the output has 11"],
    [new Array(12), "the array for the output must be a Float32Array"],
    [null, "the array for the output must be a Float32Array"],
  ])("no other place for the output is taken: case %#", async (output, message) => {
    const graph = { nodes: base, output: 4, inputShape: [6] };
    using model = await DeployedModel.open(graph, { backend: "reference" });
    await expect(model.run(inputs[0], { output: output as Float32Array })).rejects.toThrow(message);
  });
});
