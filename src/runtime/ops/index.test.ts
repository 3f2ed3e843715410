/** What operations refuse: nodes come from files, so every attribute and tensor may be wrong. */
import { describe, expect, test } from "vitest";
import { ShapeError } from "../../core/errors.ts";
import { elementCount, type Shape } from "../../core/shape.ts";
import { formatById } from "../../formats/index.ts";
import { DeployedModel } from "../deployed-model.ts";
import type { AttributeValue, GraphNode, NodeTensor } from "../graph.ts";
import { operationById, operations } from "./index.ts";

/** A node with everything it needs. */
interface Example {
  readonly op: string;
  /** `[batch, ...]` */
  readonly input: Shape;
  readonly output: Shape;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly tensors?: Readonly<Record<string, NodeTensor>>;
}

/** A change to an example, and what the error says. */
interface Damage {
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly tensors?: Readonly<Record<string, NodeTensor>>;
  readonly input?: Shape;
  readonly says: string;
}

const window = { kernelSize: [2, 2], stride: [2, 2] };
const convolutionSizes = { inChannels: 2, kernelSize: [3, 2], stride: [1, 2], padding: [1, 1], activation: "int8" };

const cases: readonly (Example & { damages: readonly Damage[] })[] = [
  {
    op: "ternary-convolution",
    input: [2, 5, 4, 2],
    output: [2, 5, 3, 3],
    attributes: convolutionSizes,
    tensors: { weight: ternary(3, 12), bias: floats(3) },
    damages: [
      { attributes: { inChannels: 3 }, says: "has a kernel of 3 x 2 over 3 channels, but rows of 12 weights" },
      { attributes: { kernelSize: [2 ** 30, 2 ** 30] }, says: "but rows of 12 weights" },
      { attributes: { kernelSize: [3] }, says: "needs attribute kernelSize, two whole numbers of at least 1, got [3]" },
      { attributes: { stride: [0, 1] }, says: "needs attribute stride, two whole numbers of at least 1, got [0,1]" },
      { attributes: { padding: [1, 2] }, says: "needs padding smaller than its kernel [3, 2], got [1, 2]" },
      { attributes: { padding: [-1, 0] }, says: "needs attribute padding" },
      { attributes: { activation: 3 }, says: "needs attribute activation, a text, got 3" },
      { tensors: { bias: floats(4) }, says: "tensor bias must be float32 [3], got [4]" },
      { tensors: { weight: floats(3, 12) }, says: "needs ternary weights, which are missing" },
      { input: [2, 5, 4, 1], says: "needs an input of shape [batch, height, width, 2], got [2, 5, 4, 1]" },
      { input: [40, 2], says: "needs an input of shape [batch, height, width, 2], got [40, 2]" },
    ],
  },
  {
    op: "convolution",
    input: [2, 5, 4, 2],
    output: [2, 2, 3, 3],
    attributes: { stride: [2, 1], padding: [0, 0] },
    tensors: { weight: floats(3, 2, 3, 2), bias: floats(3) },
    damages: [
      { attributes: { padding: [3, 0] }, says: "needs padding smaller than its kernel [3, 2], got [3, 0]" },
      { attributes: { stride: "2" }, says: "needs attribute stride, two whole numbers of at least 1" },
      {
        tensors: { weight: floats(3, 2, 6) },
        says: "tensor weight must be float32 [any, any, any, any], got [3, 2, 6]",
      },
      { tensors: { bias: floats(2) }, says: "tensor bias must be float32 [3], got [2]" },
      { input: [2, 2, 4, 2], says: "moves a window of [3, 2] over the image, got a smaller one: [2, 4]" },
    ],
  },
  {
    op: "max-pool",
    input: [1, 5, 4, 3],
    output: [1, 2, 2, 3],
    attributes: window,
    damages: [
      { attributes: { kernelSize: [0, 2] }, says: "needs attribute kernelSize" },
      { attributes: { kernelSize: [2 ** 40, 2] }, says: "moves a window of [1099511627776, 2] over the image" },
      { attributes: { stride: [1.5, 2] }, says: "needs attribute stride" },
      { input: [5, 12], says: "needs an input of shape [batch, height, width, channels], got [5, 12]" },
    ],
  },
  {
    op: "average-pool",
    input: [1, 5, 4, 3],
    output: [1, 2, 2, 3],
    attributes: window,
    damages: [
      { attributes: { stride: [0, 0] }, says: "needs attribute stride" },
      { input: [1, 1, 4, 3], says: "moves a window of [2, 2] over the image, got a smaller one: [1, 4]" },
    ],
  },
  {
    op: "global-average-pool",
    input: [2, 5, 4, 3],
    output: [2, 3],
    damages: [{ input: [2, 3], says: "needs an input of shape [batch, height, width, channels], got [2, 3]" }],
  },
  { op: "flatten", input: [2, 5, 4, 3], output: [2, 60], damages: [] },
  {
    op: "layer-norm",
    input: [2, 3, 4],
    output: [2, 3, 4],
    attributes: { eps: 1e-5 },
    tensors: { weight: floats(4), bias: floats(4) },
    damages: [
      { attributes: { eps: Number.NaN }, says: "needs attribute eps, a number" },
      { tensors: { bias: floats(5) }, says: "tensor bias must be float32 [4], got [5]" },
      { input: [2, 5], says: "needs an input of shape [..., 4], got [2, 5]" },
    ],
  },
  {
    op: "batch-norm",
    input: [2, 3, 4],
    output: [2, 3, 4],
    attributes: { eps: 1e-5 },
    tensors: { weight: floats(4), bias: floats(4), mean: floats(4), variance: floats(4) },
    damages: [
      { tensors: { variance: floats(3) }, says: "tensor variance must be float32 [4], got [3]" },
      { tensors: { mean: ternary(1, 4) }, says: "tensor mean must be float32 [4], got packed weights" },
      { input: [2, 5], says: "needs an input of shape [..., 4], got [2, 5]" },
    ],
  },
  {
    op: "embedding",
    input: [2, 3],
    output: [2, 3, 4],
    tensors: { weight: floats(7, 4) },
    damages: [
      { tensors: { weight: floats(28) }, says: "tensor weight must be float32 [any, any], got [28]" },
      { tensors: { weight: floats(1, 4) }, says: "takes ids from 0 to 0, got 1 at index 0" },
    ],
  },
  {
    op: "position-embedding",
    input: [2, 3, 4],
    output: [2, 3, 4],
    tensors: { weight: floats(5, 4) },
    damages: [
      { input: [2, 6, 4], says: "[batch, ..., sequence, 4] with at most 5 positions, got [2, 6, 4]" },
      { input: [3, 4], says: "[batch, ..., sequence, 4] with at most 5 positions, got [3, 4]" },
    ],
  },
  {
    op: "attention",
    input: [2, 3, 4],
    output: [2, 3, 4],
    attributes: { heads: 2, causal: true },
    damages: [
      { attributes: { heads: 0 }, says: "needs attribute heads, a whole number of at least 1, got 0" },
      { attributes: { causal: 1 }, says: "needs attribute causal, true or false, got 1" },
      { attributes: { heads: 3 }, says: "needs inputs of shape [batch, sequence, a multiple of 3], got [2, 3, 4]" },
      { input: [6, 4], says: "needs inputs of shape [batch, sequence, a multiple of 2], got [6, 4]" },
    ],
  },
];

describe.each(cases)("$op", ({ damages, ...example }) => {
  test("gives the shape it says", async () => {
    expect((await run(example)).shape).toEqual(example.output);
  });

  test.each(damages)("refuses: $says", async ({ says, input, attributes, tensors }) => {
    const damaged = {
      ...example,
      input: input ?? example.input,
      attributes: { ...example.attributes, ...attributes },
      tensors: { ...example.tensors, ...tensors },
    };
    const error = await run(damaged).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ShapeError);
    expect((error as ShapeError).message).toContain(says);
    expect((error as ShapeError).message).toMatch(new RegExp(`^${example.op} "layers.3"`));
  });
});

test.each(
  cases.flatMap(({ op, tensors, ...rest }) =>
    Object.keys(tensors ?? {}).map((name) => ({ op, name, tensors, ...rest })),
  ),
)("$op without its tensor $name", async ({ name, tensors, ...example }) => {
  const others = Object.fromEntries(Object.entries(tensors ?? {}).filter(([key]) => key !== name));
  const outcome = run({ ...example, tensors: others });
  // Convolutions may have no bias; everything else is needed.
  if (name === "bias" && example.op.endsWith("convolution")) expect((await outcome).shape).toEqual(example.output);
  else await expect(outcome).rejects.toThrow("missing");
});

test("an embedding refuses ids that are no whole numbers", async () => {
  const [example] = cases.filter(({ op }) => op === "embedding");
  using model = await DeployedModel.open({ nodes: [nodeOf(example)], output: 1 });
  for (const id of [-1, 7, 0.5, Number.NaN]) {
    await expect(model.run([0, id], { shape: [1, 2] })).rejects.toThrow(
      `embedding "layers.3" takes ids from 0 to 6, got ${id} at index 1`,
    );
  }
});

test("attention refuses inputs of different shapes", async () => {
  const attributes = { heads: 1, causal: false };
  const flatten = { name: "flat", op: "flatten", inputs: [0], attributes: {}, tensors: {} };
  const mixed = { name: "mixed", op: "attention", inputs: [0, 0, 1], attributes, tensors: {} };
  using model = await DeployedModel.open({ nodes: [flatten, mixed], output: 2 });
  await expect(model.run(new Float32Array(6), { shape: [1, 2, 3] })).rejects.toThrow(
    'attention "mixed" needs three inputs of one shape, got [1, 2, 3], [1, 2, 3], [1, 6]',
  );
});

test("names are unique, and an unknown one lists them", () => {
  const ids = operations.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(() => operationById("softmax")).toThrow(`there is no operation "softmax"; known: ${ids.join(", ")}`);
});

function nodeOf({ op, attributes = {}, tensors = {} }: Omit<Example, "input" | "output">): GraphNode {
  const { inputCount = 1 } = operationById(op);
  return { name: "layers.3", op, inputs: new Array<number>(inputCount).fill(0), attributes, tensors };
}

async function run(example: Example): Promise<{ shape: Shape }> {
  using model = await DeployedModel.open({ nodes: [nodeOf(example)], output: 1 });
  return await model.runTensor(new Float32Array(elementCount(example.input)).fill(1), { shape: example.input });
}

function floats(...shape: number[]): NodeTensor {
  return { kind: "float32", shape, values: new Float32Array(elementCount(shape)).fill(0.5) };
}

function ternary(outFeatures: number, inFeatures: number): NodeTensor {
  const trits = Int8Array.from({ length: outFeatures * inFeatures }, (_, i) => (i % 3) - 1);
  const scales = Float32Array.of(0.5);
  const bytes = formatById("base3").pack({ outFeatures, inFeatures, trits, scales });
  return { kind: "ternary", format: "base3", bytes, outFeatures, inFeatures, scales };
}
