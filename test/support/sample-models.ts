/** Small models that use every operation, for the tests of model files: one list, to which a new operation adds a line. */

import { RandomSource } from "../../src/core/random.ts";
import { elementCount, type Shape } from "../../src/core/shape.ts";
import { formatById, modelFormats } from "../../src/formats/index.ts";
import type { AttributeValue, Graph, GraphNode, NodeTensor } from "../../src/index.ts";
import { operationById } from "../../src/runtime/ops/index.ts";

/** A graph with the name of what it shows and the shape of an input it takes. */
export interface SampleModel {
  readonly title: string;
  readonly graph: Graph;
  /** `[batch, ...]` */
  readonly inputShape: Shape;
  /** Inputs are whole numbers below it; any numbers where absent. */
  readonly idCount: number | undefined;
}

type TensorSample = (format: string, random: RandomSource) => NodeTensor;

interface OperationSample {
  readonly op: string;
  /** Shape of one sample. */
  readonly input: Shape;
  /** Inputs are whole numbers below it; any numbers where absent. */
  readonly idCount?: number;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly tensors?: Readonly<Record<string, TensorSample>>;
}

const samples: readonly OperationSample[] = [
  {
    op: "ternary-linear",
    input: [7],
    attributes: { activation: "int8" },
    tensors: { weight: ternary(3, 7), bias: floats(3) },
  },
  { op: "ternary-linear", input: [2, 6], attributes: { activation: "none" }, tensors: { weight: ternary(4, 6, 4) } },
  {
    op: "ternary-linear",
    input: [5],
    attributes: { activation: "sign" },
    tensors: { "weight.0": ternary(2, 5), "weight.1": ternary(2, 5, 2), "weight.2": ternary(2, 5) },
  },
  {
    op: "ternary-convolution",
    input: [4, 5, 2],
    attributes: { activation: "int8", inChannels: 2, kernelSize: [3, 2], stride: [1, 2], padding: [1, 0] },
    tensors: { weight: ternary(3, 12, 3), bias: floats(3) },
  },
  { op: "linear", input: [4], tensors: { weight: floats(3, 4), bias: floats(3) } },
  {
    op: "convolution",
    input: [4, 4, 2],
    attributes: { stride: [1, 1], padding: [1, 1] },
    tensors: { weight: floats(2, 2, 3, 3), bias: floats(2) },
  },
  { op: "rms-norm", input: [6], attributes: { eps: 1e-5 }, tensors: { weight: floats(6) } },
  { op: "activation", input: [5], attributes: { function: "relu" } },
  { op: "activation", input: [5], attributes: { function: "gelu" } },
  { op: "add", input: [3] },
  { op: "max-pool", input: [4, 4, 2], attributes: { kernelSize: [2, 2], stride: [2, 2] } },
  { op: "average-pool", input: [4, 4, 2], attributes: { kernelSize: [2, 2], stride: [1, 2] } },
  { op: "global-average-pool", input: [3, 4, 2] },
  { op: "flatten", input: [3, 2, 2] },
  { op: "layer-norm", input: [6], attributes: { eps: 1e-5 }, tensors: { weight: floats(6), bias: floats(6) } },
  {
    op: "batch-norm",
    input: [2, 2, 3],
    attributes: { eps: 1e-3 },
    tensors: { weight: floats(3), bias: floats(3), mean: floats(3), variance: positive(3) },
  },
  { op: "embedding", input: [3], idCount: 5, tensors: { weight: floats(5, 4) } },
  { op: "position-embedding", input: [3, 4], tensors: { weight: floats(3, 4) } },
  { op: "attention", input: [3, 4], attributes: { heads: 2, causal: true } },
];

/** Every sample in every storage format, each as a model of one node, and a model of several. */
export const sampleModels: readonly SampleModel[] = modelFormats.flatMap(({ id: format }) => [
  ...samples.map((sample, i) => singleNodeModel(sample, format, i)),
  imageModel(format),
]);

/** Values between -2 and 2, or ids, for a model's input, the same for equal seeds. */
export function sampleInput({ inputShape, idCount }: SampleModel, seed = 1): Float32Array {
  const random = new RandomSource(seed);
  const draw = (): number => (idCount === undefined ? random.uniform(-2, 2) : random.integer(idCount));
  return Float32Array.from({ length: elementCount(inputShape) }, draw);
}

function singleNodeModel(sample: OperationSample, format: string, seed: number): SampleModel {
  const { inputCount = 1 } = operationById(sample.op);
  const node = nodeOf(sample, "layer", new Array<number>(inputCount).fill(0), format, seed);
  return {
    title: [sample.op, ...Object.values(sample.attributes ?? {}), format].join(" "),
    graph: { nodes: [node], output: 1, inputShape: sample.input },
    inputShape: [2, ...sample.input],
    idCount: sample.idCount,
  };
}

/** A convolution with a residual sum, a pool and a head, over images of any size. */
function imageModel(format: string): SampleModel {
  const convolution: OperationSample = {
    op: "ternary-convolution",
    input: [],
    attributes: { activation: "int8", inChannels: 2, kernelSize: [3, 3], stride: [1, 1], padding: [1, 1] },
    tensors: { weight: ternary(2, 18, 2), bias: floats(2) },
  };
  const head: OperationSample = {
    op: "ternary-linear",
    input: [],
    attributes: { activation: "int8" },
    tensors: { weight: ternary(3, 2), bias: floats(3) },
  };
  const plain = (op: string, attributes = {}): OperationSample => ({ op, input: [], attributes });
  const nodes = [
    nodeOf(convolution, "block.layer", [0], format, 1),
    nodeOf(plain("activation", { function: "relu" }), "block.relu", [1], format, 2),
    nodeOf(plain("add"), "block.add", [0, 2], format, 3),
    nodeOf(plain("global-average-pool"), "pool", [3], format, 4),
    nodeOf(head, "head", [4], format, 5),
  ];
  const metadata = { classes: JSON.stringify(["zero", "one", "two"]), __proto__x: "ü🙂" };
  return {
    title: `image model ${format}`,
    graph: { nodes, output: 5, inputShape: [null, null, 2], sampleShape: [4, 3, 2], metadata },
    inputShape: [2, 4, 3, 2],
    idCount: undefined,
  };
}

function nodeOf(
  { op, attributes = {}, tensors = {} }: OperationSample,
  name: string,
  inputs: readonly number[],
  format: string,
  seed: number,
): GraphNode {
  const random = new RandomSource(seed);
  const stored = Object.entries(tensors).map(([tensor, make]) => [tensor, make(format, random)] as const);
  return { name, op, inputs, attributes, tensors: Object.fromEntries(stored) };
}

function ternary(outFeatures: number, inFeatures: number, scaleCount = 1): TensorSample {
  return (format, random) => {
    const trits = Int8Array.from({ length: outFeatures * inFeatures }, () => random.integer(3) - 1);
    const scales = Float32Array.from({ length: scaleCount }, () => random.uniform(0.01, 2));
    const bytes = formatById(format).pack({ outFeatures, inFeatures, trits, scales });
    return { kind: "ternary", format, outFeatures, inFeatures, bytes, scales };
  };
}

function floats(...shape: readonly number[]): TensorSample {
  return (_, random) => floatTensor(shape, () => random.normal());
}

function positive(...shape: readonly number[]): TensorSample {
  return (_, random) => floatTensor(shape, () => random.uniform(0.1, 2));
}

function floatTensor(shape: Shape, draw: () => number): NodeTensor {
  return { kind: "float32", shape, values: Float32Array.from({ length: elementCount(shape) }, draw) };
}
