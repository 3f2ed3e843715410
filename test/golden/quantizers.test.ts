/**
 * Every case of quantizers.json, which holds what the published PyTorch code of each scheme gives: the host rule, the
 * traced rule, and output and gradients of a whole layer.
 *
 * Trits must be equal. Floats may differ by the roundings of two float32 evaluations of one exact value: u = 2⁻²⁴ for each
 * rounding that a term passes through, times the sum of the terms' magnitudes. A sum of n terms, in whatever order, rounds
 * a term at most n - 1 times.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { activationRule } from "../../src/activation-rules/index.ts";
import { scaleOfRow, type TernaryMatrix } from "../../src/core/ternary-matrix.ts";
import { BitLinear, tensor, valueAndGrad } from "../../src/nn/index.ts";
import { createQuantizer, type QuantizerOptions } from "../../src/quantizers/index.ts";
import { traceQuantizer, UNIT_ROUNDOFF } from "../support/trace-quantizer.ts";

interface GoldenCase {
  scheme: string;
  source: string;
  M: number;
  N: number;
  K: number;
  weight: number[];
  input: number[];
  bias: number[];
  gradOutput: number[];
  trits: number[];
  scales: number[];
  output: number[];
  gradWeight: number[];
  gradInput: number[];
  gradBias: number[];
  inputInt8?: number[];
  inputScale?: number[];
  alpha?: number[];
  /** The range was not started from the weights. */
  alphaGiven?: boolean;
  gradAlpha?: number[];
  deltaFactor?: number;
  thresholdFactor?: number;
}

/** The output of a layer, and gradients by what they are taken in. */
type LayerRun = Record<"output" | "input" | "weight" | "bias" | "learnedScale", Float32Array>;

/** What a scheme of the file is called here. */
interface Rule {
  quantizer: string;
  options: (golden: GoldenCase) => QuantizerOptions;
  /** Most roundings of the scale there and here together; `count` weights share it. */
  scaleRoundings: (count: number) => number;
}

/** A mean rounds each term once for each further term, then the quotient (here reciprocal and product) and its storage. */
const ofMean = (count: number): number => 2 * (count + 2);
const rules: Record<string, Rule> = {
  bitnet: { quantizer: "bitnet", options: () => ({ granularity: "per-tensor" }), scaleRoundings: ofMean },
  bitnet_channel: { quantizer: "bitnet", options: () => ({ granularity: "per-channel" }), scaleRoundings: ofMean },
  bitnet_lsq: { quantizer: "lsq", options: () => ({ granularity: "per-tensor" }), scaleRoundings: ofMean },
  bitnet_lsq_channel: { quantizer: "lsq", options: () => ({ granularity: "per-channel" }), scaleRoundings: ofMean },
  twn: {
    quantizer: "twn",
    options: ({ deltaFactor = 0.75 }) => ({ granularity: "per-tensor", deltaFactor }),
    scaleRoundings: ofMean,
  },
  paretoq: {
    quantizer: "paretoq",
    options: () => ({ granularity: "per-channel" }),
    scaleRoundings: () => 3, // a quotient there, the rounded 1/1.5 and a product here
  },
  bittorch: {
    quantizer: "bittorch",
    options: ({ thresholdFactor = 0.05 }) => ({ granularity: "per-channel", thresholdFactor }),
    scaleRoundings: () => 0, // a largest magnitude
  },
};

const path = new URL("./quantizers.json", import.meta.url);
const { cases }: { cases: GoldenCase[] } = JSON.parse(readFileSync(path, "utf8"));

test("the file holds 27 cases", () => {
  expect(cases.length).toBe(27);
});

for (const [index, golden] of cases.entries()) {
  const { M, N, K } = golden;
  const shape = { outFeatures: N, inFeatures: K };
  const weight = Float32Array.from(golden.weight);
  const rule = rules[golden.scheme];
  const quantizer = createQuantizer(rule.quantizer, rule.options(golden));
  const alpha = golden.alpha && Float32Array.from(golden.alpha);
  const expected: TernaryMatrix = {
    ...shape,
    trits: Int8Array.from(golden.trits),
    scales: Float32Array.from(golden.scales),
  };
  const scaleRoundings = rule.scaleRoundings(weight.length / golden.scales.length);
  const name = `case ${index}, ${golden.scheme} ${M} x ${N} x ${K}`;

  test(`${name}: the host rule`, () => {
    const matrix = quantizer.quantize(weight, shape, alpha);
    expect(matrix.trits).toEqual(expected.trits);
    expectClose(matrix.scales, golden.scales, (i) => scaleRoundings * golden.scales[i]);
    if (alpha && !golden.alphaGiven) expect(quantizer.initialScale?.(weight, shape)).toEqual(alpha);
  });

  test(`${name}: the traced rule`, () => {
    const run = traceQuantizer(quantizer)(weight, shape, undefined, alpha);
    expect(Int8Array.from(run.trits)).toEqual(expected.trits);
    expectClose(run.scales, golden.scales, (i) => scaleRoundings * golden.scales[i]);
    expect(run.surrogate.every((value) => value === 0)).toBe(true);
  });

  test(`${name}: output and gradients of a layer`, async () => {
    const activation = golden.inputInt8 ? "int8" : "none";
    const layer = new BitLinear(K, N, { quantizer: quantizer.id, quantizerOptions: quantizer.options, activation });
    layer.weight.value = weight;
    if (layer.bias) layer.bias.value = Float32Array.from(golden.bias);
    const learned = alpha ?? quantizer.initialScale?.(weight, shape);
    if (layer.learnedScale && learned) layer.learnedScale.value = learned;
    const ours = await runLayer(layer, golden);

    // Magnitudes: of real inputs and weights, and what a code that differs by one changes.
    const { values: x, steps } = realInputs(golden);
    const inputs = x.map(Math.abs);
    const weights = golden.trits.map((trit, i) => Math.abs(trit) * scaleOfRow(expected, Math.floor(i / K)));
    const output = golden.gradOutput.map(Math.abs);
    const scaleOf = (n: number): number => scaleOfRow(expected, n);

    // x̂ takes two roundings there (quotients), two here (s_x · s_w and its product with the sum); ŵ one there.
    expectClose(ours.output, golden.output, (i) => {
      const [m, n] = [Math.floor(i / N), i % N];
      const terms = sum(K, (k) => inputs[m * K + k] * weights[n * K + k]);
      const changed = sum(K, (k) => steps[m * K + k] * weights[n * K + k]);
      return (K + 7 + scaleRoundings) * terms + 2 * Math.abs(golden.bias[n]) + changed / UNIT_ROUNDOFF;
    });

    // ∂L/∂ŵ: m terms of output gradient · x̂; here times s_x · multiplier before and its reciprocal after the sum.
    const effective = (n: number, k: number): number => sum(M, (m) => output[m * N + n] * inputs[m * K + k]);
    const changedEffective = (n: number, k: number): number => sum(M, (m) => output[m * N + n] * steps[m * K + k]);
    // bittorch multiplies the gradient by its scale, once there and once here.
    const weightFactor = (n: number): number => (golden.scheme === "bittorch" ? scaleOf(n) : 1);
    expectClose(ours.weight, golden.gradWeight, (i) => {
      const [n, k] = [Math.floor(i / K), i % K];
      const terms = (M + 9 + scaleRoundings) * effective(n, k) + changedEffective(n, k) / UNIT_ROUNDOFF;
      return terms * weightFactor(n);
    });

    // ∂L/∂x: n terms of output gradient · ŵ; here the straight-through path multiplies by s_x and its rounded reciprocal.
    expectClose(ours.input, golden.gradInput, (i) => {
      const [m, k] = [Math.floor(i / K), i % K];
      return (N + 9 + scaleRoundings) * sum(N, (n) => output[m * N + n] * weights[n * K + k]);
    });
    expectClose(ours.bias, golden.gradBias, (n) => M * sum(M, (m) => output[m * N + n]));

    // ∂L/∂α = factor · Σ_k ∂L/∂ŵ · slope with |slope| ≤ 1, which carries 4 roundings of values of at most 1.
    const { gradAlpha } = golden;
    if (gradAlpha) {
      expectClose(ours.learnedScale, gradAlpha, (n) => {
        const terms = sum(K, (k) => effective(n, k));
        return ((M + 9 + K + 6 + scaleRoundings) * terms) / Math.sqrt(N * K);
      });
    }
  });
}

/** Output of a layer on the input of a case, and the gradients of Σ gradOutput · output. */
async function runLayer(layer: BitLinear, { M, N, K, input, gradOutput }: GoldenCase): Promise<LayerRun> {
  const data = Float32Array.from(input);
  const run = await valueAndGrad(layer, { data, shape: [M, K] }, (y) => y.mul(tensor(gradOutput, [M, N])).sum());
  const gradientOf = (name: string): Float32Array => run.parameters[name]?.data ?? new Float32Array(0);
  return {
    output: run.output,
    input: run.input,
    weight: gradientOf("weight"),
    bias: gradientOf("bias"),
    learnedScale: gradientOf("learnedScale"),
  };
}

/**
 * The inputs as the layer sees them, and for each what a difference of its code from the file's is worth.
 *
 * Codes may differ by one where x · 127 / a lies within the roundings of both ways to compute it (three here: the
 * reciprocal and two products; two there) of a tie.
 */
function realInputs({ M, K, input, inputInt8, inputScale }: GoldenCase): { values: number[]; steps: number[] } {
  if (!inputInt8 || !inputScale) return { values: input, steps: input.map(() => 0) };
  const values: number[] = [];
  const steps: number[] = [];
  for (let m = 0; m < M; m++) {
    const token = Float32Array.from(input.slice(m * K, (m + 1) * K));
    const codes = new Float32Array(K);
    const scale = activationRule("int8").encode(token, codes);
    // a/127 from a rounded 1/127 here, by a quotient or from a rounded quotient there.
    expect(Math.abs(scale - inputScale[m])).toBeLessThanOrEqual(4 * UNIT_ROUNDOFF * scale);
    const largest = Math.max(...token.map(Math.abs), 1e-5);
    for (let k = 0; k < K; k++) {
      const difference = Math.abs(codes[k] - inputInt8[m * K + k]);
      if (difference !== 0) {
        const scaled = Math.abs((token[k] * 127) / largest);
        expect(difference).toBe(1);
        expect(Math.abs(scaled - Math.floor(scaled) - 0.5)).toBeLessThanOrEqual(5 * UNIT_ROUNDOFF * scaled);
      }
      values.push(inputInt8[m * K + k] * inputScale[m]);
      steps.push(difference * inputScale[m]);
    }
  }
  return { values, steps };
}

/** Every value within `roundedMagnitude(i) · u` of the expected one. */
function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  roundedMagnitude: (i: number) => number,
): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i] - expected[i]);
    const bound = roundedMagnitude(i) * UNIT_ROUNDOFF;
    if (!(difference <= bound)) {
      expect.fail(`value ${i}: expected ${expected[i]} within ${bound}, got ${actual[i]}`);
    }
  }
}

function sum(count: number, term: (i: number) => number): number {
  let total = 0;
  for (let i = 0; i < count; i++) total += term(i);
  return total;
}
