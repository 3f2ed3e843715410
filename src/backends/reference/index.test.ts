/** The reference backend against plainer loops still: integer sums in BigInt, float operations one by one. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { activationRules } from "../../activation-rules/index.ts";
import { ShapeError, UnsupportedError, UsageError } from "../../core/errors.ts";
import { RandomSource } from "../../core/random.ts";
import { MAX_IN_FEATURES, type TernaryMatrix } from "../../core/ternary-matrix.ts";
import type { ConvolutionGeometry, LayerOptions } from "../backend.ts";
import { openBackend } from "../index.ts";

const reference = await openBackend("reference");
const f32 = Math.fround;
/** A random layer of one or two planes, with inputs for it. */
const layers = fc
  .record({
    seed: fc.integer(),
    outFeatures: fc.integer({ min: 1, max: 5 }),
    inFeatures: fc.constantFrom(1, 2, 15, 16, 17, 33),
    planeCount: fc.integer({ min: 1, max: 2 }),
    m: fc.integer({ min: 0, max: 3 }),
    isPerRow: fc.boolean(),
    hasBias: fc.boolean(),
  })
  .map(({ seed, planeCount, m, isPerRow, hasBias, ...shape }) => {
    const random = new RandomSource(seed);
    const normals = (count: number, deviation = 1) =>
      Float32Array.from({ length: count }, () => random.normal(0, deviation));
    return {
      m,
      x: normals(m * shape.inFeatures, 2 ** (random.integer(40) - 20)),
      bias: hasBias ? normals(shape.outFeatures) : undefined,
      planes: Array.from({ length: planeCount }, () => randomPlane(random, shape, isPerRow)),
    };
  });

test("linear layers of int8 codes equal BigInt sums, scaled and added one operation at a time", () => {
  fc.assert(
    fc.property(layers, ({ m, x, bias, planes }) => {
      const [{ outFeatures, inFeatures }] = planes;
      using layer = reference.linear(planes, { activation: "int8", ...(bias && { bias }) });
      const y = layer.run(x, m) as Float32Array;
      expect(y.length).toBe(m * outFeatures);
      for (let token = 0; token < m; token++) {
        const { codes, scale } = int8Codes(x.subarray(token * inFeatures, (token + 1) * inFeatures));
        for (let n = 0; n < outFeatures; n++) {
          const terms = planes.map((plane) => {
            const row = plane.trits.subarray(n * inFeatures, (n + 1) * inFeatures);
            const sum = codes.reduce((total, code, k) => total + BigInt(code) * BigInt(row[k]), 0n);
            return f32(Number(sum) * f32(scale * plane.scales[plane.scales.length === 1 ? 0 : n]));
          });
          const total = terms.reduce((sum, term) => f32(sum + term));
          expect(y[token * outFeatures + n]).toBe(bias ? f32(total + bias[n]) : total);
        }
      }
    }),
  );
});

test("linear layers of float inputs sum in float64 and round once before the scale", () => {
  fc.assert(
    fc.property(layers, ({ m, x, planes }) => {
      const [plane] = planes;
      const { outFeatures, inFeatures, trits, scales } = plane;
      using layer = reference.linear([plane], { activation: "none" });
      const y = layer.run(x, m) as Float32Array;
      y.forEach((value, at) => {
        const [token, n] = [Math.floor(at / outFeatures), at % outFeatures];
        let sum = 0;
        for (let k = 0; k < inFeatures; k++) sum += x[token * inFeatures + k] * trits[n * inFeatures + k];
        expect(value).toBe(f32(f32(sum) * scales[scales.length === 1 ? 0 : n]));
      });
    }),
  );
});

test("sign and float inputs, by hand", () => {
  const plane: TernaryMatrix = {
    outFeatures: 2,
    inFeatures: 4,
    trits: Int8Array.of(1, -1, 0, 1, -1, -1, 1, 0),
    scales: Float32Array.of(0.5, 2),
  };
  const x = Float32Array.of(1.5, -0.25, 8, 0, -3, 2, 0.125, -1);
  const bias = Float32Array.of(10, 20);
  const run = (options: LayerOptions) => Array.from(reference.linear([plane], options).run(x, 2) as Float32Array);
  expect(run({ activation: "none" })).toEqual([0.875, 13.5, -3, 2.25]);
  expect(run({ activation: "none", bias })).toEqual([10.875, 33.5, 7, 22.25]);
  // Signs: + - + +, then - + + -.
  expect(run({ activation: "sign", bias })).toEqual([11.5, 22, 8.5, 22]);
});

test("output functions come last, and keep NaN", () => {
  const plane = { outFeatures: 2, inFeatures: 1, trits: Int8Array.of(1, -1), scales: Float32Array.of(1) };
  const x = Float32Array.of(0.3, Number.NaN);
  const run = (options: Partial<LayerOptions>) =>
    Array.from(reference.linear([plane], { activation: "none", ...options }).run(x, 2) as Float32Array);
  const bias = Float32Array.of(0.1, 0.1);
  const sum = f32(f32(0.3) + f32(0.1));
  expect(run({ outputFunction: "relu" })).toEqual([f32(0.3), 0, Number.NaN, Number.NaN]);
  expect(run({ outputFunction: "squaredRelu", bias })).toEqual([f32(sum * sum), 0, Number.NaN, Number.NaN]);
  expect(run({ outputFunction: "relu", bias: Float32Array.of(-1, 1) }).slice(0, 2)).toEqual([0, f32(1 - f32(0.3))]);
});

test("a layer that was disposed runs no more", () => {
  const plane = { outFeatures: 1, inFeatures: 1, trits: Int8Array.of(1), scales: Float32Array.of(1) };
  const geometry: ConvolutionGeometry = { inChannels: 1, kernelSize: [1, 1], stride: [1, 1], padding: [0, 0] };
  const linear = reference.linear([plane], { activation: "int8" });
  const convolution = reference.convolution([plane], geometry, { activation: "int8" });
  for (const layer of [linear, convolution]) layer[Symbol.dispose]();
  expect(() => linear.run(Float32Array.of(1), 1)).toThrow(UsageError);
  expect(() => convolution.run(Float32Array.of(1), 1, 1, 1)).toThrow(UsageError);
});

test("float inputs are summed without loss before the one rounding", () => {
  const plane: TernaryMatrix = {
    outFeatures: 1,
    inFeatures: 3,
    trits: Int8Array.of(1, 1, -1),
    scales: Float32Array.of(1),
  };
  const x = Float32Array.of(2 ** 30, 1, 2 ** 30);
  expect(reference.linear([plane], { activation: "none" }).run(x, 1)).toEqual(Float32Array.of(1));
});

test("the longest row that is allowed is exact: 127 · 132,104 is below 2^24", () => {
  expect(127 * MAX_IN_FEATURES).toBeLessThan(2 ** 24);
  expect(127 * (MAX_IN_FEATURES + 1)).toBeGreaterThan(2 ** 24);
  const trits = new Int8Array(MAX_IN_FEATURES).fill(1);
  const plane = { outFeatures: 1, inFeatures: MAX_IN_FEATURES, trits, scales: Float32Array.of(1) };
  const x = new Float32Array(MAX_IN_FEATURES).fill(127);
  expect(reference.linear([plane], { activation: "int8" }).run(x, 1)).toEqual(Float32Array.of(127 * MAX_IN_FEATURES));
  const longer = { ...plane, inFeatures: MAX_IN_FEATURES + 1, trits: new Int8Array(MAX_IN_FEATURES + 1) };
  expect(() => reference.linear([longer], { activation: "int8" })).toThrow("at most 132104");
});

test.each(activationRules)("$id: a token that is not allowed gives NaN in its whole row and in no other", ({ id }) => {
  const random = new RandomSource(1);
  const plane = randomPlane(random, { outFeatures: 3, inFeatures: 5 }, true);
  plane.trits.fill(0, 5, 10); // a row of zeros
  plane.scales[2] = 0;
  const layer = reference.linear([plane], { activation: id, bias: Float32Array.of(1, 2, 3) });
  for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 126, -(2 ** 127)]) {
    const x = new Float32Array(15).fill(0.5);
    x[5] = wrong;
    const y = layer.run(x, 3) as Float32Array;
    expect(Array.from(y, Number.isNaN)).toEqual([
      ...new Array(3).fill(false),
      true,
      true,
      true,
      ...new Array(3).fill(false),
    ]);
  }
  const large = new Float32Array(5).fill(2 ** 126 - 2 ** 102);
  expect((layer.run(large, 1) as Float32Array).every((value) => !Number.isNaN(value))).toBe(true);
});

const geometries: (ConvolutionGeometry & { height: number; width: number })[] = [
  { inChannels: 1, kernelSize: [3, 3], stride: [1, 1], padding: [1, 1], height: 4, width: 5 },
  { inChannels: 2, kernelSize: [2, 3], stride: [2, 1], padding: [0, 2], height: 5, width: 3 },
  { inChannels: 3, kernelSize: [1, 1], stride: [1, 1], padding: [0, 0], height: 2, width: 2 },
  { inChannels: 2, kernelSize: [3, 2], stride: [3, 2], padding: [2, 1], height: 1, width: 1 },
];

test.each(geometries)("convolution $kernelSize of $inChannels channels equals the sum over its window", (geometry) => {
  const { inChannels, kernelSize, stride, padding, height, width } = geometry;
  const random = new RandomSource(7);
  const [images, outChannels] = [2, 3];
  const shape = { outFeatures: outChannels, inFeatures: inChannels * kernelSize[0] * kernelSize[1] };
  const planes = [randomPlane(random, shape, true), randomPlane(random, shape, false)];
  const bias = Float32Array.from({ length: outChannels }, () => random.normal());
  const imageSize = height * width * inChannels;
  const x = Float32Array.from({ length: images * imageSize }, () => random.normal());
  const y = reference.convolution(planes, geometry, { activation: "int8", bias }).run(x, images, height, width);
  const outHeight = Math.floor((height + 2 * padding[0] - kernelSize[0]) / stride[0]) + 1;
  const outWidth = Math.floor((width + 2 * padding[1] - kernelSize[1]) / stride[1]) + 1;

  const expected: number[] = [];
  for (let image = 0; image < images; image++) {
    const { codes, scale } = int8Codes(x.subarray(image * imageSize, (image + 1) * imageSize));
    const codeAt = (row: number, column: number, channel: number): number =>
      row < 0 || row >= height || column < 0 || column >= width
        ? 0
        : codes[(row * width + column) * inChannels + channel];
    for (let row = 0; row < outHeight; row++) {
      for (let column = 0; column < outWidth; column++) {
        for (let n = 0; n < outChannels; n++) {
          const terms = planes.map(({ trits, scales }) => {
            let sum = 0n;
            for (let channel = 0; channel < inChannels; channel++) {
              for (let i = 0; i < kernelSize[0]; i++) {
                for (let j = 0; j < kernelSize[1]; j++) {
                  const trit = trits[((n * inChannels + channel) * kernelSize[0] + i) * kernelSize[1] + j];
                  const code = codeAt(row * stride[0] + i - padding[0], column * stride[1] + j - padding[1], channel);
                  sum += BigInt(code) * BigInt(trit);
                }
              }
            }
            return f32(Number(sum) * f32(scale * scales[scales.length === 1 ? 0 : n]));
          });
          expected.push(f32(f32(terms[0] + terms[1]) + bias[n]));
        }
      }
    }
  }
  expect(y).toEqual(Float32Array.from(expected));
});

test("an image that is not allowed is NaN as a whole", () => {
  const plane = randomPlane(new RandomSource(1), { outFeatures: 2, inFeatures: 4 }, true);
  const geometry: ConvolutionGeometry = { inChannels: 1, kernelSize: [2, 2], stride: [1, 1], padding: [0, 0] };
  const x = new Float32Array(18).fill(1);
  x[17] = Number.POSITIVE_INFINITY;
  for (const { id } of activationRules) {
    const y = reference.convolution([plane], geometry, { activation: id }).run(x, 2, 3, 3) as Float32Array;
    expect(Array.from(y, Number.isNaN)).toEqual(Array.from(y, (_, i) => i >= 8));
  }
});

test("layers that do not fit together are refused", () => {
  const plane = randomPlane(new RandomSource(1), { outFeatures: 2, inFeatures: 3 }, true);
  const linear = (planes: TernaryMatrix[], options: Partial<LayerOptions> = {}) =>
    reference.linear(planes, { activation: "int8", ...options });
  expect(() => linear([])).toThrow(ShapeError);
  expect(() => linear([{ ...plane, trits: new Int8Array(5) }])).toThrow(ShapeError);
  expect(() => linear([{ ...plane, trits: Int8Array.of(0, 0, 0, 0, 0, 2) }])).toThrow(ShapeError);
  expect(() => linear([{ ...plane, scales: Float32Array.of(1, Number.NaN) }])).toThrow(ShapeError);
  expect(() => linear([{ ...plane, scales: Float32Array.of(1, 2 ** -101) }])).toThrow(ShapeError);
  expect(() => linear([plane, { ...plane, outFeatures: 3, inFeatures: 2, scales: Float32Array.of(1) }])).toThrow(
    "one shape",
  );
  expect(() => linear([plane], { bias: new Float32Array(3) })).toThrow("bias must hold one value per row (2), got 3");
  expect(() => linear([{ ...plane, scales: new Float32Array(4), groupSize: 2 }])).toThrow(UnsupportedError);
  expect(() => linear([{ ...plane, scales: new Float32Array(4), groupSize: 2 }])).toThrow("ungroup");
  expect(() => linear([plane], { kernel: "avx2" })).toThrow(UnsupportedError);
  expect(() => linear([plane], { activation: "int4" as "int8" })).toThrow(UnsupportedError);
  expect(linear([plane], { kernel: "scalar" }).kernel).toBe("scalar");
  expect(linear([plane]).byteLength).toBe(6 + 8);
});

test("inputs that do not fit are refused", () => {
  const layer = reference.linear([randomPlane(new RandomSource(1), { outFeatures: 2, inFeatures: 4 }, true)], {
    activation: "int8",
  });
  expect(() => layer.run(new Float32Array(7), 2)).toThrow("input must be [2, 4] (8 values), got 7");
  for (const m of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => layer.run(new Float32Array(2), m)).toThrow(ShapeError);
  }
  expect(layer.run(new Float32Array(0), 0)).toEqual(new Float32Array(0));
});

test("convolutions that are none are refused", () => {
  const plane = randomPlane(new RandomSource(1), { outFeatures: 2, inFeatures: 4 }, true);
  const geometry: ConvolutionGeometry = { inChannels: 1, kernelSize: [2, 2], stride: [1, 1], padding: [0, 0] };
  const open = (change: Partial<ConvolutionGeometry>) =>
    reference.convolution([plane], { ...geometry, ...change }, { activation: "int8" });
  expect(() => open({ inChannels: 2 })).toThrow("needs rows of 8 weights, got 4");
  expect(() => open({ stride: [0, 1] })).toThrow(ShapeError);
  expect(() => open({ padding: [0, -1] })).toThrow(ShapeError);
  expect(() => open({ kernelSize: [-2, -2] })).toThrow(ShapeError);
  const layer = open({});
  expect(() => layer.run(new Float32Array(3), 1, 1, 3)).toThrow("an image of height 1, padded by 0, is smaller");
  expect(() => layer.run(new Float32Array(1), 1, 1, 1)).toThrow(ShapeError);
  expect(() => layer.run(new Float32Array(8), 1, 3, 3)).toThrow("(9 values), got 8");
  expect(() => layer.run(new Float32Array(9), -1, -3, 3)).toThrow(ShapeError);
});

test("an unknown backend is refused with the names there are", async () => {
  await expect(openBackend("cuda9")).rejects.toThrow(UnsupportedError);
  await expect(openBackend("cuda9")).rejects.toThrow("reference");
});

function randomPlane(
  random: RandomSource,
  { outFeatures, inFeatures }: { outFeatures: number; inFeatures: number },
  isPerRow: boolean,
): TernaryMatrix {
  return {
    outFeatures,
    inFeatures,
    trits: Int8Array.from({ length: outFeatures * inFeatures }, () => random.integer(3) - 1),
    scales: Float32Array.from({ length: isPerRow ? outFeatures : 1 }, () => random.uniform(0.01, 2)),
  };
}

/** The formula of the numeric contract, one float32 operation at a time. */
function int8Codes(token: Float32Array): { codes: number[]; scale: number } {
  const largest = Math.max(f32(1e-5), ...Array.from(token, Math.abs));
  const inverse = f32(f32(1 / largest) * 127);
  const codes = Array.from(token, (value) => {
    const scaled = f32(value * inverse);
    const below = Math.floor(scaled);
    const isUp = scaled - below > 0.5 || (scaled - below === 0.5 && below % 2 !== 0);
    return Math.max(-127, Math.min(127, below + (isUp ? 1 : 0)));
  });
  return { codes, scale: f32(largest * f32(1 / 127)) };
}
