import { expect, test } from "vitest";
import { valuesOf } from "../../test/support/small-trainings.ts";
import { UnsupportedError } from "../core/errors.ts";
import { RandomSource } from "../core/random.ts";
import type { Dataset } from "../datasets/dataset.ts";
import { relu } from "./activations.ts";
import { BatchNorm } from "./modules/batch-norm.ts";
import { Conv2d } from "./modules/conv2d.ts";
import { Flatten } from "./modules/flatten.ts";
import { Linear } from "./modules/linear.ts";
import { Sequential } from "./modules/sequential.ts";
import { type LayerInputs, type RecordOptions, recordInputs } from "./record-inputs.ts";
import { predict } from "./training/evaluate.ts";

const random = new RandomSource(3);
const inputs = Float32Array.from({ length: 5 * 4 * 6 * 2 }, () => random.normal());
const images: Dataset = { name: "images", inputs, inputShape: [4, 6, 2], targets: new Int32Array(5), targetShape: [] };

const network = (): Sequential =>
  new Sequential(
    new Conv2d(2, 3, [3, 2], { stride: [1, 2], padding: [1, 0], seed: 1 }),
    new BatchNorm(3),
    relu,
    new Flatten(),
    new Linear(36, 4, { seed: 2 }),
  );

async function recorded(model: Sequential, options: RecordOptions = {}): Promise<LayerInputs[]> {
  const all: LayerInputs[] = [];
  for await (const entry of recordInputs(model, images, options)) all.push(entry);
  return all;
}

test("rows times the weight matrix are the outputs of the layers, batch by batch", async () => {
  const model = network();
  const before = valuesOf(model);
  const all = await recorded(model, { batchSize: 2 });
  expect(all.map(({ path, tokens, inFeatures }) => [path, tokens, inFeatures])).toEqual([
    ["0", 2 * 12, 12],
    ["4", 2, 36],
    ["0", 2 * 12, 12],
    ["4", 2, 36],
    ["0", 12, 12],
    ["4", 1, 36],
  ]);
  for (const [path, layer] of [["0", model.layers[0] as Conv2d] as const, ["4", model.layers[4] as Linear] as const]) {
    const rows = all.filter((entry) => entry.path === path).flatMap(({ values }) => [...values]);
    const size = layer.weight.size / layer.weight.shape[0];
    const outputs = products(rows, [...layer.weight.value], [...(layer.bias?.value ?? [])], size);
    const expected = await predict(upTo(model, Number(path)), images.inputs, { inputShape: images.inputShape });
    expect(outputs.length).toBe(expected.length);
    // Float32 sums of at most 36 products, each below 4 in magnitude.
    for (const [i, value] of outputs.entries()) expect(Math.abs(value - expected[i])).toBeLessThan(36 * 4 * 2 ** -23);
  }
  expect(valuesOf(model)).toEqual(before); // running statistics included
  expect(model.isTraining).toBe(true);
});

/** The model up to one of its layers, in evaluation mode. */
function upTo(model: Sequential, last: number): Sequential {
  return new Sequential(...model.layers.slice(0, last + 1)).eval();
}

function products(rows: readonly number[], weight: readonly number[], bias: readonly number[], size: number): number[] {
  const outputs: number[] = [];
  for (let at = 0; at < rows.length; at += size) {
    for (let n = 0; n < bias.length; n++) {
      let sum = bias[n];
      for (let k = 0; k < size; k++) sum += rows[at + k] * weight[n * size + k];
      outputs.push(sum);
    }
  }
  return outputs;
}

test("only the layers asked for, and a layer in two places once for each call under its first path", async () => {
  expect((await recorded(network(), { include: [/^4$/] })).map(({ path }) => path)).toEqual(["4"]);
  const shared = new Linear(48, 48, { seed: 1 });
  const model = new Sequential(new Flatten(), shared, relu, shared);
  expect((await recorded(model)).map(({ path, tokens }) => [path, tokens])).toEqual([
    ["1", 5],
    ["1", 5],
  ]);
});

test("nothing to record, an unknown name and an abort are told", async () => {
  await expect(recorded(new Sequential(relu))).rejects.toThrow(UnsupportedError);
  await expect(recorded(network(), { include: ["3"] })).rejects.toThrow("include 3 matches no layer");
  await expect(recorded(network(), { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow("enough");
});
