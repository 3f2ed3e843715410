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

describe("float products differ by at most (K + 4)ε(Σ|x·w| + |b|) + 2 ulp, those of packed weights by (2K + 4)ε(...)", () => {
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
    await within(layer, positive, [5, 301], 2 * 301);
  });

  test("BitConv2d with float activations", async () => {
    const layer = new BitConv2d(3, 7, 3, { activation: "none", padding: 1, seed: 1 });
    const positive = new Conv2d(3, 7, 3, { padding: 1 });
    positive.weight.value = dequantize(await layer.ternary());
    if (positive.bias && layer.bias) positive.bias.value = layer.bias.value;
    await within(layer, positive, [2, 9, 8, 3], 2 * 27);
  });
});

/** Relative error of the engine's e^x in units of EPSILON. */
const errorOfExp = (x: number): number => 1.05 * Math.abs(x) + 5.1;
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Largest difference from the deployed function in units of EPSILON, to first order, where y = f(x). */
const elementwiseErrors: Readonly<Record<string, (x: number, y: number) => number>> = {
  sigmoid: (x, y) => y * sigmoid(-x) * errorOfExp(x) + 3 * y,
  silu: (x, y) => Math.abs(y) * (sigmoid(-x) * errorOfExp(x) + 4),
  // (1 - y²) / 2 = 2σ(2x)σ(-2x), without cancellation
  tanh: (x, y) => 2 * sigmoid(2 * x) * sigmoid(-2 * x) * errorOfExp(2 * x) + 5 * Math.abs(y),
  gelu: (x, y) => (Math.abs(x) / 2) * (2.35 + 22.1 * Math.exp((-x * x) / 2)) + 3 * Math.abs(y),
};
const SECOND_ORDER = 1 + 2 ** -15;

/** [-80, 80] in steps of 1/50, [-5, 5] in steps of 1/1000, ±2^n, and where exponentials overflow or vanish. */
const points = Float32Array.from([
  ...Array.from({ length: 8001 }, (_, i) => (i - 4000) / 50),
  ...Array.from({ length: 10_001 }, (_, i) => (i - 5000) / 1000),
  ...Array.from({ length: 276 }, (_, i) => [2 ** (i - 149), -(2 ** (i - 149))]).flat(),
  ...[-0, 43.7, 43.9, 87.3, 87.7, 88.3, 88.4, 88.8, 103, 104, 1e4, 1e38].flatMap((x) => [x, -x]),
]);

test("exp of the engine is off by at most (1.05|x| + 5.1)ε", async () => {
  const inside = points.filter((x) => x >= -87.3 && x <= 88.3); // results are normal numbers
  const results = await tensor(inside, [inside.length]).exp().data();
  const excess = [...inside].map((x, i) => Math.abs(results[i] / Math.exp(x) - 1) / (errorOfExp(x) * EPSILON));
  expect(Math.max(...excess)).toBeLessThanOrEqual(1);
});

describe.each(activations.map((activation) => ({ activation, name: activation.functionName })))(
  "$name",
  ({ activation, name }) => {
    test(hostFunctions[name].isExact ? "is exact" : "stays within its bound", async () => {
      const outputs = await forwardPass(new Sequential(activation), [1, points.length])(points);
      if (hostFunctions[name].isExact) return expectExact(outputs, name);
      expectWithin(outputs, (i) => {
        const [x, y] = [points[i], hostFunctions[name].apply(points[i])];
        return elementwiseErrors[name](x, y) * EPSILON * SECOND_ORDER + 2 ** -127 * Math.max(1, Math.abs(x));
      });
    });
  },
);

/**
 * The scores of both sides differ by at most δ = (d + 2)ε Σ|q·k| / √d, which changes a weight by a factor of at most e^{2δ}.
 * Beyond that the engine's softmax has for T positions: (2.05|x| + 5.1)ε in each exponential of x = score - largest
 * (rounding x, and the exponential itself), twice, because they stand in the sum below too; (T - 1)ε in that sum, 2ε in the
 * quotient, Tε in the mean of the values; the deployed output is rounded once. The mean of |x| under the weights is their
 * entropy minus the logarithm of the sum, so at most ln T. Together (2T + 4.1 ln T + 12.2)ε.
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
  const roundings = 2 * sequence + 4.1 * Math.log(sequence) + 12.2;
  const relative = Math.expm1(2 * delta) + Math.exp(2 * delta) * roundings * EPSILON;
  const largestValue = Math.max(...values.map(Math.abs));
  expectWithin(outputs, () => relative * largestValue);
});
