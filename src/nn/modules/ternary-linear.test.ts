import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expectExact, forwardPass } from "../../../test/support/forward-pass.ts";
import { expectClose } from "../../../test/support/gradients.ts";
import { randomPlane } from "../../../test/support/layer-cases.ts";
import { activationRules } from "../../activation-rules/index.ts";
import { ShapeError, UnsupportedError } from "../../core/errors.ts";
import { RandomSource } from "../../core/random.ts";
import type { TernaryMatrix } from "../../core/ternary-matrix.ts";
import { sumPlanes } from "../../quantizers/multi-ternary.ts";
import { tensor } from "../../tensor/index.ts";
import { estimateMemory } from "../estimate-memory.ts";
import { valueAndGrad } from "../value-and-grad.ts";
import { BitConv2d } from "./bit-conv2d.ts";
import { BitLinear } from "./bit-linear.ts";
import { Conv2d } from "./conv2d.ts";
import { Linear } from "./linear.ts";
import { MultiTernaryLinear } from "./multi-ternary-linear.ts";
import { TernaryConv2d } from "./ternary-conv2d.ts";
import { TernaryLinear } from "./ternary-linear.ts";

function normals(size: number, seed: number): Float32Array {
  const random = new RandomSource(seed);
  return Float32Array.from({ length: size }, () => random.normal());
}

function randomPlanes(outFeatures: number, inFeatures: number, count: number, seed: number): TernaryMatrix[] {
  const random = new RandomSource(seed);
  return Array.from({ length: count }, (_, i) => randomPlane(random, { outFeatures, inFeatures }, i % 2 === 0));
}

const integerRules = activationRules.filter(({ isInteger }) => isInteger).map(({ id }) => id);

describe.each(integerRules)("with %s activations the deployed layer gives the bits of training", (activation) => {
  test("fully connected", async () => {
    const sizes = fc.tuple(
      fc.constantFrom(1, 5, 17),
      fc.constantFrom(1, 3, 16, 31, 65),
      fc.integer({ min: 1, max: 4 }),
    );
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer(), async ([outFeatures, inFeatures, count], seed) => {
        const planes = randomPlanes(outFeatures, inFeatures, count, seed);
        const layer = new TernaryLinear(planes, { activation, bias: normals(outFeatures, seed) });
        expectExact(await forwardPass(layer, [3, inFeatures])(normals(3 * inFeatures, seed + 1)), activation);
      }),
      { numRuns: 12 },
    );
  });

  test("convolution", async () => {
    for (const count of [1, 3]) {
      const options = { kernelSize: [3, 2], stride: [1, 2], padding: [1, 0], activation, bias: normals(5, 1) } as const;
      const layer = new TernaryConv2d(2, randomPlanes(5, 12, count, count), options);
      expectExact(await forwardPass(layer, [3, 6, 5, 2])(normals(180, 2)), `${count} planes`);
    }
  });
});

/** Sums of 31 inputs over 3 planes and of 4 tokens, against those of a float layer, which multiplies in another order. */
test("with float inputs it is the float layer of its weights, and so are its gradients", async () => {
  const planes = randomPlanes(6, 31, 3, 4);
  const layer = new TernaryLinear(planes, { bias: normals(6, 5) });
  const float = new Linear(31, 6);
  float.weight.value = sumPlanes(planes);
  float.bias?.value.set(normals(6, 5));
  const input = { data: normals(4 * 31, 6), shape: [4, 31] };
  const cotangent = tensor(normals(24, 7), [4, 6]);
  const ternary = await valueAndGrad(layer, input, (y) => y.mul(cotangent).sum());
  const real = await valueAndGrad(float, input, (y) => y.mul(cotangent).sum());
  expectClose(ternary.output, [...real.output], 100, "output");
  expectClose(ternary.input, [...real.input], 100, "input");
  expectClose(ternary.parameters.bias.data, [...real.parameters.bias.data], 20, "bias");
  expect(Object.keys(ternary.parameters)).toEqual(["bias"]); // trits and scales are buffers
});

test("the convolution with float inputs is the float convolution of its weights", async () => {
  const planes = randomPlanes(4, 18, 2, 4);
  const layer = new TernaryConv2d(2, planes, { kernelSize: 3, padding: 1 });
  const float = new Conv2d(2, 4, 3, { padding: 1, bias: false });
  float.weight.value = sumPlanes(planes);
  const input = { data: normals(2 * 5 * 4 * 2, 6), shape: [2, 5, 4, 2] };
  const ternary = await valueAndGrad(layer, input, (y) => y.square().sum());
  const real = await valueAndGrad(float, input, (y) => y.square().sum());
  expectClose(ternary.output, [...real.output], 50, "output");
  expectClose(ternary.input, [...real.input], 400, "input");
});

test("a state dict has a name for the trits and the scales of each plane, and loads by them", async () => {
  const [first, second] = [1, 2].map(
    (seed) => new TernaryLinear(randomPlanes(3, 5, 2, seed), { bias: normals(3, seed) }),
  );
  const state = first.stateDict();
  expect(Object.entries(state).map(([name, { shape }]) => [name, shape])).toEqual([
    ["trits.0", [3, 5]],
    ["trits.1", [3, 5]],
    ["scales.0", [3]],
    ["scales.1", [1]],
    ["bias", [3]],
  ]);
  second.loadStateDict(state);
  expect(second.planes).toEqual(first.planes);
  const damaged = { ...state, "trits.1": { shape: [3, 5], data: state["trits.1"].data.with(4, 0.5) as Float32Array } };
  second.loadStateDict(damaged);
  expect(() => second.planes).toThrow("a trit must be -1, 0 or 1, got 0.5 at index 4 of plane 1");
  await expect(second.deploy()).rejects.toThrow(ShapeError);
});

test("a frozen layer computes what the trained one does", async () => {
  const trained = [
    new BitLinear(9, 4, { seed: 1, activation: "sign" }),
    new MultiTernaryLinear(9, 4, { seed: 2, planes: 2, bias: false }),
  ];
  for (const layer of trained) {
    const frozen = await TernaryLinear.freeze(layer.eval());
    expect(frozen.activation).toBe(layer.activation);
    expect(frozen.isTraining).toBe(false);
    const x = tensor(normals(27, 3), [3, 9]);
    expect(await frozen.forward(x).data()).toEqual(await layer.forward(x).data());
  }
  const convolution = new BitConv2d(2, 3, 2, { stride: 2, padding: 1, seed: 4 });
  const x = tensor(normals(50, 3), [1, 5, 5, 2]);
  const frozen = await TernaryConv2d.freeze(convolution);
  expect(await frozen.forward(x).data()).toEqual(await convolution.forward(x).data());
});

test("the planes are copies, in and out", () => {
  const planes = randomPlanes(3, 5, 1, 1);
  const layer = new TernaryLinear(planes);
  const before = structuredClone(planes);
  planes[0].trits.fill(0);
  planes[0].scales.fill(7);
  layer.planes[0].trits.fill(1);
  expect(layer.planes).toEqual(before);
});

test("summary and memory count the bytes that deploy() packs, whatever the scales", async () => {
  const layer = new TernaryLinear(randomPlanes(3, 13, 3, 1), { bias: normals(3, 1) });
  const { scales, planes } = layer.ternarySizes();
  expect([planes, scales]).toEqual([3, 3 + 1 + 3]);
  const { packed } = await estimateMemory(layer);
  expect(packed.base3).toBe(3 * 3 * Math.ceil(13 / 5) + 4 * 7 + 4 * 3);
  expect(layer.summary()).toContain(`13 → 3, 3 frozen planes, none`);
});

test("what does not fit is refused", () => {
  const [plane] = randomPlanes(3, 4, 1, 1);
  expect(() => new TernaryLinear([])).toThrow("at least one plane");
  expect(() => new TernaryLinear([plane, ...randomPlanes(3, 5, 1, 1)])).toThrow("expected [3, 4], got [3, 5]");
  expect(() => new TernaryLinear([plane], { bias: new Float32Array(4) })).toThrow("bias must hold 3 values, got 4");
  expect(() => new TernaryLinear([plane], { activation: "int4" })).toThrow(UnsupportedError);
  expect(() => new TernaryLinear([{ ...plane, trits: plane.trits.map(() => 2) }])).toThrow(ShapeError);
  const grouped = { ...plane, groupSize: 2, trits: new Int8Array(12).fill(1) };
  expect(() => new TernaryLinear([{ ...grouped, scales: Float32Array.of(1, 2, 1, 1, 1, 1) }])).toThrow(
    UnsupportedError,
  );
  const alike = new TernaryLinear([{ ...grouped, scales: Float32Array.of(1, 1, 2, 2, 3, 3) }]);
  expect(alike.planes[0]).toEqual({
    outFeatures: 3,
    inFeatures: 4,
    trits: grouped.trits,
    scales: Float32Array.of(1, 2, 3),
  });
  expect(() => new TernaryConv2d(2, [plane], { kernelSize: 2 })).toThrow("2 x 2 x 2 = 8 trits, got 4");
});
