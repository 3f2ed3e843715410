import { expect, test } from "vitest";
import { RandomSource } from "../../core/random.ts";
import { tensor } from "../../tensor/index.ts";
import { squaredRelu } from "../activations.ts";
import { convertToBitLinear } from "../convert-to-bit-linear.ts";
import { valueAndGrad } from "../value-and-grad.ts";
import { BitLinear } from "./bit-linear.ts";
import { LayerNorm } from "./layer-norm.ts";
import { TransformerBlock } from "./transformer-block.ts";

const shape = [2, 5, 8];
const random = new RandomSource(1);
const data = Float32Array.from({ length: 80 }, () => random.normal());

test("it is two residual branches, each behind its norm", async () => {
  const block = new TransformerBlock(8, 2, { causal: true, activationFunction: squaredRelu, norm: LayerNorm, seed: 1 });
  const x = tensor(data, shape);
  const h = x.add(block.attention.forward(block.attentionNorm.forward(x)));
  const y = h.add(block.down.forward(squaredRelu(block.up.forward(block.feedForwardNorm.forward(h)))));
  expect(await block.forward(x).data()).toEqual(await y.data());
  expect(block.attentionNorm).toBeInstanceOf(LayerNorm);
  expect(block.attention.causal).toBe(true);
  expect(block.describe()).toBe("8 → 32 → 8, squaredRelu");
});

test("deployed, it has one operation for each of its parts, under their names", async () => {
  const block = new TransformerBlock(8, 2, { hidden: 12, seed: 1 });
  using model = await block.deploy();
  expect(model.graph.nodes.map(({ name, op, inputs }) => `${name} ${op} ${inputs.join(" ")}`)).toEqual([
    "attentionNorm rms-norm 0",
    "attention.query ternary-linear 1",
    "attention.key ternary-linear 1",
    "attention.value ternary-linear 1",
    "attention.attention attention 2 3 4",
    "attention.output ternary-linear 5",
    "attentionAdd add 0 6",
    "feedForwardNorm rms-norm 7",
    "up ternary-linear 8",
    "activationFunction activation 9",
    "down ternary-linear 10",
    "feedForwardAdd add 7 11",
  ]);
  const output = await model.runTensor(data, { shape });
  expect(output.shape).toEqual(shape);
});

test("a float block becomes ternary with the same parameters", async () => {
  const block = new TransformerBlock(8, 2, { layer: "float", seed: 3 });
  const names = Object.keys(block.stateDict());
  const { converted } = convertToBitLinear(block, { quantizer: "twn" });
  expect(converted).toEqual(["attention.query", "attention.key", "attention.value", "attention.output", "up", "down"]);
  expect(block.up).toBeInstanceOf(BitLinear);
  expect(block.attention.query).toBeInstanceOf(BitLinear);
  expect(Object.keys(block.stateDict()).sort()).toEqual(names.sort());
});

test("every parameter gets a gradient, dropout included", async () => {
  const block = new TransformerBlock(8, 2, { dropout: 0.2, causal: true, quantizer: "lsq", seed: 1 });
  const { parameters } = await valueAndGrad(block, { data, shape }, (y) => y.square().sum(), 4);
  for (const [name, { data: gradient }] of Object.entries(parameters)) {
    expect(gradient.every(Number.isFinite), name).toBe(true);
    // The scores do not change when the same vector is added to all keys, so their bias has no gradient.
    if (name !== "attention.key.bias")
      expect(
        gradient.some((value) => Math.abs(value) > 1e-6),
        name,
      ).toBe(true);
  }
});
