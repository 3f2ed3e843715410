/** What is saved comes back: every operation and every storage format, bit for bit. */
import { expect, test } from "vitest";
import { RandomSource } from "../src/core/random.ts";
import { elementCount } from "../src/core/shape.ts";
import { DeployedModel, loadModel, modelFormats, modelToBytes } from "../src/index.ts";
import {
  AvgPool2d,
  BatchNorm,
  BitConv2d,
  Conv2d,
  Embedding,
  Flatten,
  LayerNorm,
  Linear,
  MaxPool2d,
  MultiTernaryLinear,
  PositionEmbedding,
  relu,
  Sequential,
  squaredRelu,
  TransformerBlock,
} from "../src/nn/index.ts";
import { operations } from "../src/runtime/ops/index.ts";
import { sampleInput, sampleModels } from "./support/sample-models.ts";

test("the samples use every operation and every format", () => {
  const nodes = sampleModels.flatMap(({ graph }) => graph.nodes);
  const used = new Set(nodes.map(({ op }) => op));
  const unused = operations.filter(({ id }) => !used.has(id)).map(({ id }) => id);
  expect(unused, "add a line to test/support/sample-models.ts").toEqual([]);
  const tensors = nodes.flatMap((node) => Object.values(node.tensors));
  const usedFormats = new Set(tensors.flatMap((tensor) => (tensor.kind === "ternary" ? [tensor.format] : [])));
  expect([...usedFormats].sort()).toEqual(modelFormats.map(({ id }) => id).sort());
});

test.each(sampleModels)("$title: the loaded model gives the same bits and the same file", async (sample) => {
  using model = await DeployedModel.open(sample.graph);
  const bytes = modelToBytes(model);
  using loaded = await loadModel(bytes);
  expect(loaded.graph).toEqual(sample.graph);

  const options = { shape: sample.inputShape };
  for (const seed of [1, 2, 3]) {
    const input = sampleInput(sample, seed);
    const expected = await model.runTensor(input, options);
    const result = await loaded.runTensor(input, options);
    expect(result.shape).toEqual(expected.shape);
    expect(bits(result.data)).toEqual(bits(expected.data));
  }
  expect(modelToBytes(loaded)).toEqual(bytes);
});

test("models of modules come back from their files", async () => {
  const image = new Sequential(
    new BitConv2d(2, 4, 3, { padding: 1, seed: 1 }),
    new BatchNorm(4),
    relu,
    new MaxPool2d(2),
    new Conv2d(4, 4, 2, { seed: 2 }),
    squaredRelu,
    new AvgPool2d(2),
    new Flatten(),
    new MultiTernaryLinear(4, 5, { seed: 3 }),
  );
  const text = new Sequential(
    new Embedding(11, 8, { seed: 4 }),
    new PositionEmbedding(6, 8, { seed: 5 }),
    new TransformerBlock(8, 2, { causal: true, seed: 6 }),
    new LayerNorm(8),
    new Linear(8, 11, { seed: 7 }),
  );
  const random = new RandomSource(8);
  const cases = [
    { module: image, shape: [2, 6, 6, 2], draw: () => random.normal() },
    { module: text, shape: [2, 5], draw: () => random.integer(11) },
  ];
  for (const { module, shape, draw } of cases) {
    for (const { id: format } of modelFormats) {
      using model = await module.eval().deploy({ format });
      const bytes = modelToBytes(model);
      using loaded = await loadModel(bytes);
      const input = Float32Array.from({ length: elementCount(shape) }, draw);
      expect(bits(await loaded.run(input, { shape }))).toEqual(bits(await model.run(input, { shape })));
      expect(modelToBytes(loaded)).toEqual(bytes);
    }
  }
});

/** Equal bits, where equal numbers could hide -0 against 0. */
function bits(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}
