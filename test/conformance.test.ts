/**
 * Every kernel of every backend on this machine against the reference backend: equal in all bits for integer codes, within a
 * derived bound for float ones. `BITLINEAR_REQUIRE=wasm,native` turns an absent backend into a failure.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { activationRules } from "../src/activation-rules/index.ts";
import { type Backend, type BackendEntry, backends, type LayerOptions, openBackend } from "../src/backends/index.ts";
import { ShapeError, UsageError } from "../src/core/errors.ts";
import { RandomSource } from "../src/core/random.ts";
import { MAX_IN_FEATURES, scaleOfRow, type TernaryMatrix } from "../src/core/ternary-matrix.ts";
import type { TernaryRows } from "../src/core/ternary-rows.ts";
import {
  type ConvolutionCase,
  convolutionCase,
  type LinearCase,
  linearCase,
  randomPlane,
} from "./support/layer-cases.ts";
import { isRequired } from "./support/programs.ts";

const EPSILON = 2 ** -24;
const reference = await openBackend("reference");
const opened = await Promise.all(backends.map(async (entry) => [entry, await entry.open()] as const));

test("backends that are required are there", () => {
  expect(opened.flatMap(([entry, result]) => absence(entry, result))).toEqual([]);
});

/** Why a required backend is absent. */
function absence({ id }: BackendEntry, result: Backend | { unavailable: string }): string[] {
  return "unavailable" in result && isRequired(id) ? [`${id}: ${result.unavailable}`] : [];
}

const present = opened.flatMap(([, result]) => ("unavailable" in result ? [] : [result]));
const kernels = present.flatMap((backend) => backend.kernels.map((kernel) => ({ id: backend.id, kernel, backend })));

describe.each(kernels)("$id $kernel", ({ backend, kernel }) => {
  test.each(activationRules)("linear layers of $id codes", async ({ id, isInteger }) => {
    await fc.assert(
      fc.asyncProperty(linearCase, async (layer) => {
        const options = { ...layer.options, activation: id, kernel };
        using linear = backend.linear(layer.planes, options);
        using expected = reference.linear(layer.planes, { ...options, kernel: "scalar" });
        expect(linear.kernel).toBe(kernel);
        const y = await linear.run(layer.x, layer.m);
        const plain = await expected.run(layer.x, layer.m);
        if (isInteger) expectSameBits(y, plain);
        else expectWithinBounds(y, plain, boundsOf(layer));
      }),
      { numRuns: 60 },
    );
  });

  test("layers take their weights by rows, and give their trits back", async () => {
    await fc.assert(
      fc.asyncProperty(linearCase, convolutionCase, async (layer, images) => {
        const options = { ...layer.options, activation: "int8", kernel };
        using linear = backend.linear(layer.planes.map(byRows), options);
        using expected = reference.linear(layer.planes, { ...options, kernel: "scalar" });
        expectSameBits(await linear.run(layer.x, layer.m), await expected.run(layer.x, layer.m));
        using convolution = backend.convolution(images.planes.map(byRows), images.geometry, {
          ...images.options,
          activation: "sign",
          kernel,
        });
        for (const [i, { trits }] of layer.planes.entries()) expect(linear.readTrits(i)).toEqual(trits);
        for (const [i, { trits }] of images.planes.entries()) expect(convolution.readTrits(i)).toEqual(trits);
      }),
      { numRuns: 30 },
    );
  });

  test.each(activationRules)("convolutions of $id codes", async ({ id, isInteger }) => {
    await fc.assert(
      fc.asyncProperty(convolutionCase, async (layer) => {
        const { planes, geometry, x, size } = layer;
        const options = { ...layer.options, activation: id, kernel };
        using convolution = backend.convolution(planes, geometry, options);
        using expected = reference.convolution(planes, geometry, { ...options, kernel: "scalar" });
        const y = await convolution.run(x, ...size);
        const plain = await expected.run(x, ...size);
        if (isInteger) expectSameBits(y, plain);
        else expectWithinBounds(y, plain, convolutionBounds(layer, plain));
      }),
      { numRuns: 40 },
    );
  });

  test("the longest row, of the largest codes and of both signs", async () => {
    const outFeatures = 3;
    const trits = Int8Array.from(
      { length: outFeatures * MAX_IN_FEATURES },
      (_, i) => 1 - Math.floor(i / MAX_IN_FEATURES),
    );
    const plane: TernaryMatrix = { outFeatures, inFeatures: MAX_IN_FEATURES, trits, scales: Float32Array.of(1) };
    using linear = backend.linear([plane], { activation: "int8", kernel });
    for (const value of [127, -127]) {
      const sum = value * MAX_IN_FEATURES;
      const y = await linear.run(new Float32Array(MAX_IN_FEATURES).fill(value), 1);
      expectSameBits(y, Float32Array.of(sum, 0, -sum));
    }
  });

  test("layers of many tokens, whose work is long", async () => {
    const random = new RandomSource(7);
    const shape = { outFeatures: 200, inFeatures: 1000 };
    const m = 301;
    const x = Float32Array.from({ length: m * shape.inFeatures }, () => random.normal());
    const planes = [randomPlane(random, shape, true)];
    using linear = backend.linear(planes, { activation: "int8", kernel });
    using expected = reference.linear(planes, { activation: "int8" });
    const plain = await expected.run(x, m);
    expectSameBits(await linear.run(x, m), plain);
    for (const y of [sharedArray(plain.length), new Float32Array(plain.length)]) {
      expectSameBits(await linear.run(x, m, y), plain);
    }
  });

  test("results are written where the caller says", async () => {
    await fc.assert(
      fc.asyncProperty(linearCase, convolutionCase, async ({ planes, x, m, ...layer }, images) => {
        using linear = backend.linear(planes, { ...layer.options, activation: "int8", kernel });
        const y = sharedArray(m * planes[0].outFeatures).fill(0.5);
        expect(await linear.run(x, m, y)).toBe(y);
        expectSameBits(y, await linear.run(x, m));
        expect(() => linear.run(x, m, new Float32Array(y.length + 1))).toThrow(ShapeError);
        const options = { ...images.options, activation: "int8", kernel };
        using convolution = backend.convolution(images.planes, images.geometry, options);
        const expected = await convolution.run(images.x, ...images.size);
        const outputs = sharedArray(expected.length).fill(0.5);
        expect(await convolution.run(images.x, ...images.size, outputs)).toBe(outputs);
        expectSameBits(outputs, expected);
        expect(() => convolution.run(images.x, ...images.size, outputs.subarray(1))).toThrow(ShapeError);
      }),
      { numRuns: 20 },
    );
    const planes = [randomPlane(new RandomSource(1), { outFeatures: 2, inFeatures: 3 }, false)];
    using square = backend.linear(planes, { activation: "int8", kernel });
    const memory = new Float32Array(8);
    expect(() => square.run(memory.subarray(0, 3), 1, memory.subarray(2, 4))).toThrow(UsageError);
    expect(square.run(memory.subarray(0, 3), 1, memory.subarray(3, 5))).toEqual(new Float32Array(2));
  });

  test("no rows give no outputs", async () => {
    const planes = [randomPlane(new RandomSource(1), { outFeatures: 5, inFeatures: 3 }, false)];
    using linear = backend.linear(planes, { activation: "int8", kernel });
    expect(await linear.run(new Float32Array(0), 0)).toEqual(new Float32Array(0));
  });
});

/** Memory that threads may write to later as well. */
function sharedArray(length: number): Float32Array {
  return new Float32Array(new SharedArrayBuffer(Float32Array.BYTES_PER_ELEMENT * length));
}

/** Equal in all 32 bits, -0 and +0 told apart; NaN equals NaN. */
function expectSameBits(actual: Float32Array, expected: Float32Array): void {
  expect(actual.length).toBe(expected.length);
  const differs = expected.findIndex((value, i) => !Object.is(actual[i], value));
  if (differs >= 0) expect({ at: differs, value: actual[differs] }).toEqual({ at: differs, value: expected[differs] });
}

function expectWithinBounds(actual: Float32Array, expected: Float32Array, bounds: Float64Array): void {
  expect(actual.length).toBe(expected.length);
  expected.forEach((value, i) => {
    if (Number.isNaN(value)) expect(actual[i]).toBeNaN();
    else expect(Math.abs(actual[i] - value), `output ${i}`).toBeLessThanOrEqual(bounds[i]);
  });
}

/**
 * How far outputs of float codes may lie from the reference, `[m, outFeatures]`. A float32 sum of K terms in any order, fused
 * or not, is off by at most γ_K Σ|x · t| with γ_K = Kε / (1 - Kε) (Higham, "Accuracy and Stability of Numerical Algorithms",
 * 2002, section 3.1). Then kernel and reference round the product of each plane, the sums of the planes and the bias; the
 * reference rounds its float64 sum as well: at most 2P + 3 roundings of values below magnitude A = Σ_p |s_p| Σ|x · t| + |b|,
 * which is itself off by less than a factor 1 + 2γ.
 */
function boundsOf({ planes, x, m, options }: LinearCase): Float64Array {
  const [{ outFeatures, inFeatures }] = planes;
  return Float64Array.from({ length: m * outFeatures }, (_, at) => {
    const [token, n] = [Math.floor(at / outFeatures), at % outFeatures];
    const products = planes.map((plane) => {
      let sum = 0;
      for (let k = 0; k < inFeatures; k++) {
        if (plane.trits[n * inFeatures + k] !== 0) sum += Math.abs(x[token * inFeatures + k]);
      }
      return sum * scaleOfRow(plane, n);
    });
    return bound(
      products.reduce((sum, product) => sum + product),
      inFeatures,
      planes.length,
      options,
      n,
    );
  });
}

/** The same for a convolution, with the largest magnitude of an image for each of its values. */
function convolutionBounds({ planes, x, size, options }: ConvolutionCase, y: Float32Array): Float64Array {
  const [{ outFeatures, inFeatures }] = planes;
  const [images] = size;
  return Float64Array.from(y, (_, at) => {
    const image = Math.floor(at / (y.length / images));
    const values = x.subarray((image * x.length) / images, ((image + 1) * x.length) / images);
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const n = at % outFeatures;
    const magnitude = planes.reduce((sum, plane) => sum + largest * inFeatures * scaleOfRow(plane, n), 0);
    return bound(magnitude, inFeatures, planes.length, options, n);
  });
}

function bound(
  products: number,
  inFeatures: number,
  planes: number,
  { bias, outputFunction }: Omit<LayerOptions, "activation">,
  n: number,
): number {
  const gamma = (inFeatures * EPSILON) / (1 - inFeatures * EPSILON);
  const magnitude = (products + Math.abs(bias?.[n] ?? 0)) * (1 + 2 * gamma);
  const difference = products * gamma + (2 * planes + 3) * EPSILON * magnitude;
  // (y + δ)² - y² ≤ δ (2 |y| + δ), and a rounding of the square on either side.
  return outputFunction === "squaredRelu"
    ? difference * (2 * magnitude + difference) + 2 * EPSILON * (magnitude + difference) ** 2
    : difference;
}

/** Rows that are gone with the next call. */
function byRows({ trits, ...rest }: TernaryMatrix): TernaryRows {
  const scratch = new Int8Array(trits.length);
  return {
    ...rest,
    readRows(first, count) {
      expect(count).toBeGreaterThan(0);
      expect(first + count).toBeLessThanOrEqual(rest.outFeatures);
      scratch.fill(3).set(trits.subarray(first * rest.inFeatures, (first + count) * rest.inFeatures));
      return scratch.subarray(0, count * rest.inFeatures);
    },
  };
}
