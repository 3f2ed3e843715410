import { describe, expect, test } from "vitest";
import { expectSameBits } from "../../../test/support/forward-pass.ts";
import { points, valuesOf } from "../../../test/support/small-trainings.ts";
import { UsageError } from "../../core/errors.ts";
import { RandomSource } from "../../core/random.ts";
import { dequantize } from "../../core/ternary-matrix.ts";
import { sumPlanes } from "../../quantizers/multi-ternary.ts";
import { compile, differentiate, tensor, traceWithParameters } from "../../tensor/index.ts";
import type { Module } from "../module.ts";
import { BitConv2d } from "../modules/bit-conv2d.ts";
import { BitLinear } from "../modules/bit-linear.ts";
import { Conv2d } from "../modules/conv2d.ts";
import { Linear } from "../modules/linear.ts";
import { MultiTernaryLinear } from "../modules/multi-ternary-linear.ts";
import { Sequential } from "../modules/sequential.ts";
import { sgd } from "../optimizers/index.ts";
import { fit } from "./fit.ts";
import { warmup } from "./schedules.ts";

const random = new RandomSource(5);
const data = Float32Array.from({ length: 60 }, () => random.normal());

/** Output and gradients of Σ y² at a share of the ternary weights; without one as everywhere else. */
async function atShare(module: Module, shape: readonly number[], share?: number): Promise<Float32Array[]> {
  const parameters = module.parameters();
  using run = compile(([x, ternaryShare, ...values]) => {
    const { extra, gradients } = differentiate((variables) => {
      const settings = share === undefined ? {} : { ternaryShare };
      const { results } = traceWithParameters(parameters, variables, settings, () => [module.forward(x)]);
      return { value: results[0].square().sum(), extra: results };
    }, values);
    return [...extra, ...gradients];
  });
  const values = parameters.map(({ value, shape: sizes }) => tensor(value, sizes));
  return await Promise.all(run([tensor(data, shape), tensor([share ?? 1]), ...values]).map((array) => array.data()));
}

/** Layers with float inputs, a float layer of the same sizes, and the real weights that they have when they are ternary. */
const layers = [
  {
    name: "BitLinear",
    layer: new BitLinear(12, 4, { seed: 1, activation: "none" }),
    float: new Linear(12, 4, { seed: 1 }),
    shape: [5, 12],
    real: async (layer: Module) => dequantize(await (layer as BitLinear).ternary()),
  },
  {
    name: "BitLinear, per row",
    layer: new BitLinear(12, 4, { seed: 1, activation: "none", quantizer: "optimal" }),
    float: new Linear(12, 4, { seed: 1 }),
    shape: [5, 12],
    real: async (layer: Module) => dequantize(await (layer as BitLinear).ternary()),
  },
  {
    name: "MultiTernaryLinear",
    layer: new MultiTernaryLinear(12, 4, { seed: 1, activation: "none", planes: 2 }),
    float: new Linear(12, 4, { seed: 1 }),
    shape: [5, 12],
    real: async (layer: Module) => sumPlanes(await (layer as MultiTernaryLinear).ternary()),
  },
  {
    name: "BitConv2d",
    layer: new BitConv2d(2, 3, 2, { seed: 1, activation: "none" }),
    float: new Conv2d(2, 3, 2, { seed: 1 }),
    shape: [2, 3, 5, 2],
    real: async (layer: Module) => dequantize(await (layer as BitConv2d).ternary()),
  },
] as const;

/** Float32 sums of at most 48 products (gradients: over 16 places), in another order; the values are below 64. */
const TOLERANCE = 48 * 64 * 2 ** -24;

describe.each(layers)("$name at a share of λ", ({ layer, float, shape, real }) => {
  const original = float.weight.value.slice();

  test.each([0, 0.25, 0.9])("of %d is the float layer of (1 - λ) · W + λ · trit · scale", async (share) => {
    const ternary = await real(layer);
    float.weight.value = original.map((weight, i) => (1 - share) * weight + share * ternary[i]);
    const mixed = await atShare(layer, shape, share);
    const expected = await atShare(float, shape);
    // The gradient of both parts is straight-through, so it is that of the float layer at the mixed weight.
    expect(mixed.length).toBe(expected.length);
    for (const [i, values] of mixed.entries()) {
      values.forEach((value, k) => {
        expect(Math.abs(value - expected[i][k])).toBeLessThan(TOLERANCE);
      });
    }
  });
});

describe("in a training", () => {
  const network = (activation = "int8"): Sequential =>
    new Sequential(new BitLinear(2, 6, { seed: 1, activation }), new BitLinear(6, 2, { seed: 2, activation }));
  const options = { epochs: 1, batchSize: 10, progress: false, optimizer: sgd({ learningRate: 0.1 }) } as const;

  test("a share of 1 from the start has the bits of a training without warm-up", async () => {
    const [plain, warm] = [network(), network()];
    await fit(plain, points(100), options);
    await fit(warm, points(100), { ...options, quantizationWarmup: () => 1 });
    for (const [i, { value }] of warm.parameters().entries()) {
      expectSameBits(value, plain.parameters()[i].value, String(i));
    }
  });

  test("a share of 0 trains as float layers do", async () => {
    const ternary = network("none");
    const float = new Sequential(new Linear(2, 6, { seed: 1 }), new Linear(6, 2, { seed: 2 }));
    for (const [i, parameter] of float.parameters().entries()) {
      parameter.value = ternary.parameters()[i].value.slice();
    }
    await fit(ternary, points(100), { ...options, quantizationWarmup: () => 0 });
    await fit(float, points(100), options);
    // Ten steps of float32 rounding on values below 4.
    const [actual, expected] = [ternary, float].map((model) => model.parameters().flatMap(({ value }) => [...value]));
    for (const [i, value] of actual.entries()) expect(Math.abs(value - expected[i])).toBeLessThan(10 * 16 * 2 ** -22);
  });

  test("the share follows the schedule, and steps go on to be ternary", async () => {
    const asked: [number, number][] = [];
    const rise = warmup({ warmupSteps: 4 });
    const model = network();
    const history = await fit(model, points(100), {
      ...options,
      quantizationWarmup: (step, total) => {
        asked.push([step, total]);
        return rise(step, total);
      },
    });
    expect(asked).toEqual(Array.from({ length: 10 }, (_, step) => [step, 10]));
    expect(history.steps).toBe(10);
    expect(valuesOf(model)).not.toEqual(valuesOf(network()));
  });

  test.each([-0.1, 1.5, Number.NaN])("a share of %d is refused", async (share) => {
    const training = fit(network(), points(20), { ...options, quantizationWarmup: () => share });
    await expect(training).rejects.toThrow(UsageError);
  });
});
