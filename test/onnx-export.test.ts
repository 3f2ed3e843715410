/**
 * Exported models give in ONNX Runtime, which nobody here wrote, what they give here: all bits where no products of floats
 * are summed, and outputs within the bounds of docs/numerics.md where they are.
 */
import { describe, expect, type TestContext, test } from "vitest";
import { exportOnnx, weightForms } from "../src/convert/onnx-export/index.ts";
import { UnsupportedError } from "../src/core/errors.ts";
import { RandomSource } from "../src/core/random.ts";
import { elementCount, type Shape } from "../src/core/shape.ts";
import { onnxWeights, openOnnx } from "../src/files/onnx/index.ts";
import { formatById } from "../src/formats/index.ts";
import {
  AvgPool2d,
  BatchNorm,
  BitConv2d,
  BitLinear,
  Flatten,
  GlobalAveragePool2d,
  LayerNorm,
  Linear,
  MaxPool2d,
  MultiTernaryLinear,
  Residual,
  RMSNorm,
  relu,
  Sequential,
  squaredRelu,
} from "../src/nn/index.ts";
import { DeployedModel } from "../src/runtime/deployed-model.ts";
import type { Graph, GraphNode, NodeTensor } from "../src/runtime/graph.ts";
import { operationById } from "../src/runtime/ops/index.ts";
import { runOnnx } from "./support/onnx-runtime.ts";
import { sampleInput, sampleModels } from "./support/sample-models.ts";

const EPSILON = 2 ** -24;
/** The definition of correct. */
const REFERENCE = { backend: "reference" };
const forms = weightForms.filter(({ isExact }) => isExact).map(({ id }) => id);
const OPTIMIZATIONS = ["disabled", "all"];

function normals(shape: Shape, seed: number): Float32Array {
  const random = new RandomSource(seed);
  return Float32Array.from({ length: elementCount(shape) }, () => random.normal());
}

/** Requires all bits of the outputs to be equal, whatever the optimizer does, and 0 to be 0 whatever its sign. */
async function expectEqualBits(
  context: TestContext,
  model: DeployedModel,
  weights: string,
  x: Float32Array,
  shape: Shape,
): Promise<void> {
  const expected = await model.runTensor(x, { shape });
  const file = exportOnnx(model, { weights });
  for (const graphOptimizationLevel of OPTIMIZATIONS) {
    const output = await runOnnx(context, file, x, shape, { graphOptimizationLevel });
    expect(output.dims).toEqual(expected.shape);
    expect(output.data.map((value) => value + 0)).toEqual(expected.data.map((value) => value + 0));
  }
}

const singleNodes = sampleModels.filter(({ graph }) => graph.nodes.length === 1);

function isExact({ nodes: [node] }: Graph): boolean {
  const { isExact: exact } = operationById(node.op);
  return typeof exact === "function" ? exact(node) : exact;
}

/** Every single operation in every form of weights. */
const cases = forms.flatMap((weights) => singleNodes.map((sample) => ({ ...sample, weights })));

test.for(cases.filter(({ graph }) => isExact(graph)))("$title, $weights: all bits", async (sample, context) => {
  using model = await DeployedModel.open(sample.graph, REFERENCE);
  await expectEqualBits(context, model, sample.weights, sampleInput(sample), sample.inputShape);
});

/** The same layer on floats with all its weights positive: of positive inputs it gives Σ |x · w| + |b|. */
function positiveGraph(graph: Graph): Graph {
  const positive = (tensor: NodeTensor): NodeTensor => {
    if (tensor.kind === "float32") return { ...tensor, values: tensor.values.map(Math.abs) };
    const format = formatById(tensor.format);
    const matrix = format.unpack(tensor.bytes, tensor, tensor.scales);
    const bytes = format.pack({ ...matrix, trits: matrix.trits.map(Math.abs) });
    return { ...tensor, bytes };
  };
  const nodes = graph.nodes.map((node): GraphNode => {
    const tensors = Object.entries(node.tensors).map(([name, tensor]) => [name, positive(tensor)] as const);
    return { ...node, tensors: Object.fromEntries(tensors) };
  });
  return { ...graph, nodes };
}

/** Terms of each sum, those of packed weights with two roundings: by the products and by the scale. */
function termsOf({ tensors: { weight } }: GraphNode): number {
  return weight.kind === "ternary" ? 2 * weight.inFeatures : elementCount(weight.shape.slice(1));
}

const floatLayers = cases.filter(({ graph }) => !isExact(graph) && Object.hasOwn(graph.nodes[0].tensors, "weight"));

test.for(floatLayers)("$title, $weights: within twice (K + 4)ε(Σ|x·w| + |b|)", async (sample, context) => {
  const { graph, inputShape: shape, weights } = sample;
  const x = sampleInput(sample);
  using model = await DeployedModel.open(graph, REFERENCE);
  using positive = await DeployedModel.open(positiveGraph(graph), REFERENCE);
  const expected = await model.run(x, { shape });
  const magnitudes = await positive.run(x.map(Math.abs), { shape });
  const { data } = await runOnnx(context, exportOnnx(model, { weights }), x, shape);
  const terms = termsOf(graph.nodes[0]);
  const excess = magnitudes.map((sum, i) => Math.abs(data[i] - expected[i]) / (2 * (terms + 4) * EPSILON * sum));
  expect(Math.max(...excess)).toBeLessThanOrEqual(1);
});

/**
 * Attention: scores on both sides differ by at most δ = 2(d + 2)ε Σ|q·k| / √d, a weight by a factor of at most e^{2δ}; beyond
 * that each side rounds exponentials, sums and the mean of T values, at most (2T + 4 ln T + 13)ε each. Inputs are below 2.
 * GELU: x/2 · (1 + erf(x/√2)), whose erf, a fitted polynomial, is taken to be good to 4ε; 6 roundings more.
 */
const boundsOfRest: Readonly<Record<string, number>> = {
  attention: 2 * (4 * (2 + 2) * ((2 * 4) / Math.SQRT2) + 2 * (2 * 3 + 4 * Math.log(3) + 13)) * EPSILON,
  activation: 2 * (4 + 6) * EPSILON,
};
const rest = cases.filter((sample) => !isExact(sample.graph) && !floatLayers.includes(sample));

test.for(rest)("$title, $weights: within its bound", async (sample, context) => {
  const { graph, inputShape: shape, weights } = sample;
  const x = sampleInput(sample);
  using model = await DeployedModel.open(graph, REFERENCE);
  const expected = await model.run(x, { shape });
  const { data } = await runOnnx(context, exportOnnx(model, { weights }), x, shape);
  const largest = Math.max(...data.map((value, i) => Math.abs(value - expected[i])));
  expect(largest).toBeLessThanOrEqual(boundsOfRest[graph.nodes[0].op]);
});

const perceptron = (): Sequential =>
  new Sequential(
    new BitLinear(100, 96),
    new RMSNorm(96),
    relu,
    new MultiTernaryLinear(96, 64, { planes: 2 }),
    new LayerNorm(64),
    squaredRelu,
    new Residual(new BitLinear(64, 64, { bias: false })),
    new BatchNorm(64),
    new BitLinear(64, 40, { activation: "sign", quantizer: "twn" }),
    new BitLinear(40, 10),
  );

const convolutional = (): Sequential =>
  new Sequential(
    new BitConv2d(3, 16, 3, { padding: 1 }),
    new BatchNorm(16),
    relu,
    new MaxPool2d(2),
    new RMSNorm(16),
    new Residual(new BitConv2d(16, 16, 3, { padding: 1, bias: false })),
    new AvgPool2d(3, { stride: 2 }),
    new BitConv2d(16, 24, [3, 2], { stride: [2, 1] }),
    new Flatten(),
    new BitLinear(24 * 2 * 5, 10),
  );

describe.each(forms)("whole models, weights as %s", (weights) => {
  test("a perceptron with norms, planes and a residual gives all bits", async (context) => {
    using model = await perceptron().deploy(REFERENCE);
    await expectEqualBits(context, model, weights, normals([64, 100], 1), [64, 100]);
  });

  test("a convolutional network with norms and pools gives all bits", async (context) => {
    using model = await convolutional().deploy({ ...REFERENCE, inputShape: [28, 26, 3] });
    const shape = [4, 28, 26, 3];
    await expectEqualBits(context, model, weights, normals(shape, 2), shape);
  });

  test("a float head gives the same class, and outputs within the bound of float sums", async (context) => {
    const body = new Sequential(new BitLinear(100, 96), new RMSNorm(96), relu);
    const head = new Linear(96, 10, { seed: 5 });
    using model = await new Sequential(body, head).deploy(REFERENCE);
    using bodyAlone = await body.deploy(REFERENCE);
    const x = normals([200, 100], 3);
    const expected = await model.run(x);
    const { data } = await runOnnx(context, exportOnnx(model, { weights }), x, [200, 100]);
    head.weight.value = head.weight.value.map(Math.abs);
    if (head.bias) head.bias.value = head.bias.value.map(Math.abs);
    using positive = await head.deploy(REFERENCE);
    const sums = await positive.run((await bodyAlone.run(x)).map(Math.abs)); // the body is exact
    for (let sample = 0; sample < 200; sample++) {
      const range = [sample * 10, sample * 10 + 10] as const;
      expect(indexOfLargest(data.subarray(...range))).toBe(indexOfLargest(expected.subarray(...range)));
      for (let i = range[0]; i < range[1]; i++) {
        expect(Math.abs(data[i] - expected[i])).toBeLessThanOrEqual(2 * (96 + 4) * EPSILON * sums[i]);
      }
    }
  });

  test("images of any size: pools within (P + 4)ε of the mean of |x| on both sides, and all shapes", async (context) => {
    const modules = new Sequential(new BitConv2d(2, 5, 3, { padding: 1 }), new GlobalAveragePool2d());
    using model = await modules.deploy({ ...REFERENCE, inputShape: [null, null, 2] });
    using before = await new Sequential(modules.layers[0]).deploy({ ...REFERENCE, inputShape: [null, null, 2] });
    const file = exportOnnx(model, { weights });
    for (const shape of [
      [2, 7, 5, 2],
      [1, 16, 31, 2],
    ]) {
      const x = normals(shape, 4);
      const expected = await model.runTensor(x, { shape });
      const largest = (await before.run(x, { shape })).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const output = await runOnnx(context, file, x, shape);
      expect(output.dims).toEqual(expected.shape);
      const bound = 2 * (shape[1] * shape[2] + 4) * EPSILON * largest;
      const errors = output.data.map((value, i) => Math.abs(value - expected.data[i]));
      expect(Math.max(...errors)).toBeLessThanOrEqual(bound);
    }
  });
});

/**
 * Codes of at most 127 are rounded to 127 steps of the largest one of their block, so each by at most half a code; that is
 * half of s_x · s_w for each weight that is not 0. Sums of 128 products with a scale each round by far less.
 */
test.for(weightForms.filter(({ isExact }) => !isExact))(
  "$id: outputs within half a code for each weight",
  async (form, context) => {
    const layer = new BitLinear(300, 50, { bias: false, seed: 2 });
    using model = await layer.deploy(REFERENCE);
    const x = normals([20, 300], 6);
    const expected = await model.run(x);
    const { data } = await runOnnx(context, exportOnnx(model, { weights: form.id }), x, [20, 300]);
    const { trits, scales } = await layer.ternary();
    let largest = 0;
    for (let token = 0; token < 20; token++) {
      const scale = Math.max(...x.subarray(token * 300, token * 300 + 300).map(Math.abs)) / 127;
      for (let n = 0; n < 50; n++) {
        const nonZero = trits.subarray(n * 300, n * 300 + 300).filter((trit) => trit !== 0).length;
        const bound = (0.5 + 2 ** -10) * nonZero * scale * scales[0];
        const error = Math.abs(data[token * 50 + n] - expected[token * 50 + n]);
        largest = Math.max(largest, error);
        expect(error).toBeLessThanOrEqual(bound);
      }
    }
    expect(largest).toBeGreaterThan(0); // else the form would be exact, and would say so
  },
);

/** Index of the largest value. */
function indexOfLargest(values: Float32Array): number {
  return values.indexOf(Math.max(...values));
}

test("images are transposed at the edges of the graph, and nowhere else", async () => {
  const layers = convolutional().layers.filter((layer) => !(layer instanceof RMSNorm));
  using model = await new Sequential(...layers).deploy({ ...REFERENCE, inputShape: [28, 26, 3] });
  await using reader = await openOnnx(exportOnnx(model));
  expect(reader.nodes.filter(({ opType }) => opType === "Transpose")).toHaveLength(1);
  using images = await new Sequential(...layers.slice(0, 4)).deploy({ ...REFERENCE, inputShape: [28, 26, 3] });
  await using imageReader = await openOnnx(exportOnnx(images));
  const transposes = imageReader.nodes.filter(({ opType }) => opType === "Transpose");
  expect(transposes.map(({ attributes }) => attributes.get("perm"))).toEqual([
    [0, 3, 1, 2],
    [0, 2, 3, 1],
  ]);
});

test("packed weights take a quarter of a byte each, in blocks of 128", async () => {
  using model = await new Sequential(new BitLinear(256, 200)).deploy(REFERENCE);
  await using reader = await openOnnx(exportOnnx(model, { weights: "matmulnbits" }));
  expect(reader.tensors.get("0/trits")).toMatchObject({ typeName: "UINT8", shape: [200, 2, 32], byteLength: 12_800 });
  expect([...reader.opsets]).toEqual([
    ["", 17],
    ["com.microsoft", 1],
  ]);
});

test("texts travel with the model; what cannot be written is refused by the node's name", async () => {
  const [{ graph }] = sampleModels;
  using model = await DeployedModel.open({ ...graph, metadata: { classes: '["a"]' } }, REFERENCE);
  await using reader = await openOnnx(exportOnnx(model));
  expect([...reader.metadata]).toEqual([["classes", '["a"]']]);
  expect(() => exportOnnx(model, { weights: "int4" })).toThrow(/choose one of: float32, matmulnbits, /);
  using shapeless = await DeployedModel.open({ nodes: graph.nodes, output: 1 }, REFERENCE);
  expect(() => exportOnnx(shapeless)).toThrow(UnsupportedError);
  const pool: GraphNode = { name: "late.pool", op: "global-average-pool", inputs: [0], attributes: {}, tensors: {} };
  using flat = await DeployedModel.open({ nodes: [pool], output: 1, inputShape: [7] }, REFERENCE);
  expect(() => exportOnnx(flat)).toThrow(/global-average-pool "late.pool" cannot be written as ONNX: it takes images/);
});

test.each(forms)("trits of an export, %s, are not taken for weights: their scales stand elsewhere", async (weights) => {
  const layers = [new BitLinear(20, 8), new MultiTernaryLinear(8, 6, { planes: 2 }), new Linear(6, 3)];
  using model = await new Sequential(...layers).deploy(REFERENCE);
  await using reader = await openOnnx(exportOnnx(model, { weights }));
  const found = onnxWeights(reader);
  expect(found.weights.map(({ tensor }) => tensor.name)).toEqual(["2/weight"]);
  expect([...found.unread.keys()]).toEqual(["0/trits", "1/trits", "1/trits#2"]);
  expect([...found.unread.values()][0]).toMatch(/trits without their scales: take the model that was exported/);
});
