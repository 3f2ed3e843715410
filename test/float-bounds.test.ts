/**
 * What is not exact stays within the bounds that docs/numerics.md derives: float products, functions of exp, attention.
 * EPSILON is the unit roundoff of float32; deployed operations sum in float64 and round once, training sums in float32.
 */
import { describe, expect, test } from "vitest";
import { RandomSource } from "../src/core/random.ts";
import { elementCount, type Shape } from "../src/core/shape.ts";
import { dequantize } from "../src/index.ts";
import {
  activations,
  BitConv2d,
  BitLinear,
  Conv2d,
  Dropout,
  Linear,
  type Module,
  MultiHeadAttention,
  Sequential,
} from "../src/nn/index.ts";
import { hostFunctions } from "../src/runtime/ops/activation.ts";
import { tensor } from "../src/tensor/index.ts";
import { expectExact, type ForwardOutputs, forwardPass } from "./support/forward-pass.ts";

const EPSILON = 2 ** -24;

function normals(shape: Shape, seed: number, deviation = 1): Float32Array {
  const random = new RandomSource(seed);
  return Float32Array.from({ length: elementCount(shape) }, () => random.normal(0, deviation));
}

/** Requires every way to run the forward pass to lie within a bound of the deployed output. */
function expectWithin({ deployed, ...others }: ForwardOutputs, bound: (i: number) => number): void {
  for (const [way, output] of Object.entries(others)) {
    const excess = [...deployed.keys()].map((i) => Math.abs(output[i] - deployed[i]) / bound(i));
    expect(Math.max(...excess), way).toBeLessThanOrEqual(1);
  }
}

/** Runs a float layer with all its weights and inputs made positive: Σ |x · w| + |b| for each output. */
async function magnitudes(layer: Linear | Conv2d, input: Float32Array, shape: Shape): Promise<Float32Array> {
  for (const [, parameter] of layer.namedParameters()) parameter.value = parameter.value.map(Math.abs);
  using model = await layer.deploy({ inputShape: shape.slice(1) });
  return await model.run(input.map(Math.abs));
}

describe("float products differ by at most (K + 4)ε(Σ|x·w| + |b|) + 2 ulp", () => {
  const within = async (layer: Module, positive: Linear | Conv2d, shape: Shape, terms: number): Promise<void> => {
    const input = normals(shape, 3);
    const outputs = await forwardPass(layer, shape)(input);
    const sums = await magnitudes(positive, input, shape);
    expectWithin(outputs, (i) => (terms + 4) * EPSILON * sums[i] + 4 * EPSILON * Math.abs(outputs.deployed[i]));
  };

  test("Linear", async () => {
    const layer = new Linear(301, 17, { seed: 1 });
    const positive = new Linear(301, 17, { seed: 1 });
    await within(layer, positive, [5, 301], 301);
  });

  test("Conv2d", async () => {
    const options = { stride: [2, 1], padding: [1, 0], seed: 1 } as const;
    await within(new Conv2d(3, 7, [3, 2], options), new Conv2d(3, 7, [3, 2], options), [2, 9, 8, 3], 18);
  });

  test("BitLinear with float activations", async () => {
    const layer = new BitLinear(301, 17, { activation: "none", seed: 1 });
    const positive = new Linear(301, 17);
    positive.weight.value = dequantize(await layer.ternary());
    if (positive.bias && layer.bias) positive.bias.value = layer.bias.value;
    await within(layer, positive, [5, 301], 301);
  });

  test("BitConv2d with float activations", async () => {
    const layer = new BitConv2d(3, 7, 3, { activation: "none", padding: 1, seed: 1 });
    const positive = new Conv2d(3, 7, 3, { padding: 1 });
    positive.weight.value = dequantize(await layer.ternary());
    if (positive.bias && layer.bias) positive.bias.value = layer.bias.value;
    await within(layer, positive, [2, 9, 8, 3], 27);
  });
});

describe.each(activations.map((activation) => ({ activation, name: activation.functionName })))(
  "$name",
  ({ activation, name }) => {
    test(hostFunctions[name].isExact ? "is exact" : "differs by at most 4ε max(1, |x|)", async () => {
      const input = Float32Array.from({ length: 4001 }, (_, i) => (i - 2000) / 100);
      const outputs = await forwardPass(new Sequential(activation), [1, input.length])(input);
      if (hostFunctions[name].isExact) expectExact(outputs, name);
      else expectWithin(outputs, (i) => 4 * EPSILON * Math.max(1, Math.abs(input[i])));
    });
  },
);

/**
 * The scores of both sides differ by at most δ = (d + 2)ε Σ|q·k| / √d, which changes a weight by a factor of at most e^{2δ}.
 * Beyond that the engine's softmax has for T positions: (2|x| + 2)ε in each exponential of x = score - largest (rounding x,
 * and the exponential itself), twice, because they stand in the sum below too; (T - 1)ε in that sum, 2ε in the quotient, Tε
 * in the mean of the values; the deployed output is rounded once. The mean of |x| under the weights is their entropy minus
 * the logarithm of the sum, so at most ln T. Together (2T + 4 ln T + 6)ε.
 */
test.each([false, true])("attention (causal: %s) stays within its bound", async (causal) => {
  const [batch, sequence, features, heads] = [2, 7, 12, 3];
  const shape = [batch, sequence, features];
  const layer = new MultiHeadAttention(features, heads, { causal, seed: 1 });
  layer.replaceChild("output", new Dropout(0)); // the projections before are exact, one after would round again
  const input = normals(shape, 5, 4);
  const outputs = await forwardPass(layer, shape)(input);

  const x = tensor(input, shape);
  const queries = await layer.query.forward(x).data();
  const keys = await layer.key.forward(x).data();
  const values = await layer.value.forward(x).data();
  const size = features / heads;
  let largestSum = 0;
  for (let sample = 0; sample < batch; sample++) {
    for (let pair = 0; pair < sequence * sequence * heads; pair++) {
      const row = Math.floor(pair / heads / sequence);
      const column = Math.floor(pair / heads) % sequence;
      const [q, k] = [row, column].map((at) => (sample * sequence + at) * features + (pair % heads) * size);
      let sum = 0;
      for (let i = 0; i < size; i++) sum += Math.abs(queries[q + i] * keys[k + i]);
      largestSum = Math.max(largestSum, sum);
    }
  }
  const delta = ((size + 2) * EPSILON * largestSum) / Math.sqrt(size);
  const relative = Math.expm1(2 * delta) + (2 * sequence + 4 * Math.log(sequence) + 6) * EPSILON;
  const largestValue = Math.max(...values.map(Math.abs));
  expectWithin(outputs, () => relative * largestValue);
});
