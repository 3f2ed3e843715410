/** What is saved comes back: every operation and every storage format, bit for bit. */
import { expect, test } from "vitest";
import { DeployedModel, formats, loadModel, modelToBytes } from "../src/index.ts";
import { operations } from "../src/runtime/ops/index.ts";
import { sampleInput, sampleModels } from "./support/sample-models.ts";

test("the samples use every operation and every format", () => {
  const nodes = sampleModels.flatMap(({ graph }) => graph.nodes);
  const used = new Set(nodes.map(({ op }) => op));
  const unused = operations.filter(({ id }) => !used.has(id)).map(({ id }) => id);
  expect(unused, "add a line to test/support/sample-models.ts").toEqual([]);
  const tensors = nodes.flatMap((node) => Object.values(node.tensors));
  const usedFormats = new Set(tensors.flatMap((tensor) => (tensor.kind === "ternary" ? [tensor.format] : [])));
  expect([...usedFormats].sort()).toEqual(formats.map(({ id }) => id).sort());
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

/** Equal bits, where equal numbers could hide -0 against 0. */
function bits(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}
