/** Every quantizer of the list: host and traced rule agree, and the edges of the contract hold. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  normalValues,
  roundingsOfGroupSum,
  traceQuantizer,
  UNIT_ROUNDOFF,
} from "../../test/support/trace-quantizer.ts";
import { ShapeError, UnsupportedError } from "../core/errors.ts";
import { RandomSource } from "../core/random.ts";
import {
  checkTernaryMatrix,
  type MatrixShape,
  MIN_SCALE_MAGNITUDE,
  type TernaryMatrix,
} from "../core/ternary-matrix.ts";
import { createQuantizer, type Quantizer, type QuantizerOptions, quantizers } from "./index.ts";
import { MAX_WEIGHT_MAGNITUDE } from "./quantizer.ts";

/** Every quantizer with every granularity, at its other defaults. */
const variants = quantizers.flatMap(({ id, granularities }) =>
  granularities.map((granularity) => variantOf(id, { granularity })),
);
/** Every quantizer with each of its other options moved away from the default. */
const optionVariants = quantizers.flatMap(({ id, defaults }) =>
  Object.keys(defaults)
    .filter((option) => option !== "granularity")
    .map((option) => variantOf(id, { [option]: 0.3 })),
);
const shape: MatrixShape = { outFeatures: 3, inFeatures: 33 };
const count = shape.outFeatures * shape.inFeatures;

/** Normal weights of many sizes; some are zero, some repeat, so that rows with ties occur. */
const weightsOfShape = fc
  .record({ seed: fc.integer(), exponent: fc.integer({ min: -24, max: 8 }), isCoarse: fc.boolean() })
  .map(({ seed, exponent, isCoarse }) => {
    const random = new RandomSource(seed);
    return Float32Array.from({ length: count }, () => {
      const weight = random.normal() * (random.uniform() < 0.9 ? 1 : 0);
      return 2 ** exponent * (isCoarse ? Math.round(weight * 8) / 8 : weight);
    });
  });

test.each([...variants, ...optionVariants])(
  "$name: host and traced rule agree",
  ({ quantizer, granularity, trace }) => {
    let compared = 0;
    let drawn = 0;
    fc.assert(
      fc.property(weightsOfShape, (weights) => {
        const host = quantizer.quantize(weights, shape);
        const traced = trace(weights, shape);
        drawn++;
        expect(traced.surrogate.every((value) => value === 0)).toBe(true);
        expect(traced.scales.length).toBe(host.scales.length);
        if (!isStable(quantizer, weights, host)) return;
        compared++;
        expect(Int8Array.from(traced.trits)).toEqual(host.trits);
        // Roundings of one term: the traced sum, count reciprocal and product, and the float32 scale of the host.
        const roundings = roundingsOfGroupSum(shape, granularity === "per-tensor") + 4;
        host.scales.forEach((scale, i) => {
          expect(Math.abs(traced.scales[i] - scale)).toBeLessThanOrEqual(roundings * UNIT_ROUNDOFF * scale);
        });
      }),
      { numRuns: 25 },
    );
    expect(compared).toBeGreaterThan(drawn / 4); // else the test looks at too little
  },
);

/**
 * Whether no trit changes when any one weight changes by 2⁻¹⁰ of itself. The rules may only differ elsewhere: their
 * thresholds differ by some 20 roundings, 2⁻¹⁹. For `optimal`, which weighs supports against each other, such a change
 * moves the sum over n ≤ 99 weights by at least 2⁻¹⁰/2n ≈ 2⁻¹⁸ of itself (a chosen weight is at least half their mean),
 * and the rounding of traced running sums over 99 weights by 7 + 2 roundings, 2⁻²⁰.
 */
function isStable(quantizer: Quantizer, weights: Float32Array, { trits }: TernaryMatrix): boolean {
  const changed = weights.slice();
  return weights.every((weight, i) =>
    [1 - 2 ** -10, 1 + 2 ** -10].every((factor) => {
      changed[i] = weight * factor;
      const next = quantizer.quantize(changed, shape).trits;
      changed[i] = weight;
      return next.every((trit, j) => trit === trits[j]);
    }),
  );
}

const edges: [string, MatrixShape, number[]][] = [
  ["all zero", { outFeatures: 2, inFeatures: 3 }, [0, 0, 0, 0, 0, 0]],
  ["negative zeros", { outFeatures: 2, inFeatures: 3 }, [-0, 0, -0, 0, -0, 0]],
  ["one weight", { outFeatures: 1, inFeatures: 1 }, [-0.8]],
  ["one column", { outFeatures: 3, inFeatures: 1 }, [0.9, -2, 0]],
  ["constant rows", { outFeatures: 2, inFeatures: 3 }, [0.75, 0.75, 0.75, -1.5, -1.5, -1.5]],
  ["one row of zeros", { outFeatures: 2, inFeatures: 3 }, [0, 0, 0, 1, -1, 1]],
  ["the smallest float32", { outFeatures: 2, inFeatures: 3 }, [1, -1, 1, 1, 1, -1].map((w) => w * 2 ** -149)],
  ["the largest weights", { outFeatures: 2, inFeatures: 3 }, [1, -1, 1, 1, 1, -1].map((w) => w * MAX_WEIGHT_MAGNITUDE)],
];

test.each(variants)("$name: edges give allowed matrices, alike on host and traced", ({ quantizer, trace }) => {
  for (const [name, edgeShape, values] of edges) {
    const weights = Float32Array.from(values);
    const host = quantizer.quantize(weights, edgeShape);
    checkTernaryMatrix(host);
    const traced = trace(weights, edgeShape);
    expect(Array.from(traced.trits), name).toEqual(Array.from(host.trits));
    traced.scales.forEach((scale, i) => {
      // Sums of up to six values, by a rounded 1/3 or 1/6.
      expect(Math.abs(scale - host.scales[i]), name).toBeLessThanOrEqual(8 * UNIT_ROUNDOFF * host.scales[i]);
    });
  }
});

test.each(variants)("$name: signs of weights are the signs of trits, and order makes no difference", (variant) => {
  const { quantizer } = variant;
  const weights = normalValues(count, 3);
  const { trits, scales } = quantizer.quantize(weights, shape);
  trits.forEach((trit, i) => {
    if (trit !== 0) expect(trit).toBe(Math.sign(weights[i]));
  });
  const negated = quantizer.quantize(
    weights.map((weight) => -weight),
    shape,
  );
  expect(negated.scales).toEqual(scales);
  expect(Array.from(negated.trits)).toEqual(Array.from(trits, (trit) => 0 - trit));
});

test.each(variants)("$name: a scale below 2^-100 becomes 0, with its trits", ({ quantizer }) => {
  const known = "eps" in quantizer.options ? { eps: 0 } : {};
  const { id, options } = quantizer;
  const bare = createQuantizer(id, { granularity: options.granularity, ...known });
  const weights = Float32Array.of(2 ** -101, -(2 ** -102), 2 ** -103, 2 ** -99, 2 ** -99, -(2 ** -99));
  const pair = { outFeatures: 2, inFeatures: 3 };
  const host = bare.quantize(weights, pair);
  const traced = traceQuantizer(bare)(weights, pair);
  checkTernaryMatrix(host);
  expect(Array.from(traced.scales)).toEqual(Array.from(host.scales));
  expect(Array.from(traced.trits)).toEqual(Array.from(host.trits));
  host.scales.forEach((scale, row) => {
    if (scale === 0) expect(host.trits.subarray(row * 3, (row + 1) * 3)).toEqual(new Int8Array(3));
    else expect(scale).toBeGreaterThanOrEqual(MIN_SCALE_MAGNITUDE);
  });
});

test.each([...variants, ...optionVariants])(
  "$name: no scale is below the smallest one stated",
  ({ quantizer, trace }) => {
    for (const size of [0, 1e-30, 1e-6, 1]) {
      const weights = normalValues(count, 1, size);
      for (const { scales } of [quantizer.quantize(weights, shape), trace(weights, shape)]) {
        for (const scale of scales) {
          expect(scale).toBeGreaterThanOrEqual(quantizer.smallestScale);
          expect(scale === 0 || scale >= MIN_SCALE_MAGNITUDE).toBe(true);
        }
      }
    }
  },
);

test.each(variants)("$name: many of the largest weights give a finite scale, alike on host and traced", (variant) => {
  const wide: MatrixShape = { outFeatures: 16, inFeatures: 2 ** 14 };
  const weights = new Float32Array(2 ** 18).fill(MAX_WEIGHT_MAGNITUDE);
  const host = variant.quantizer.quantize(weights, wide);
  const traced = variant.trace(weights, wide);
  expect(traced.scales).toEqual(host.scales); // 2⁶⁴ times a count is a float32 number
  expect(traced.trits.every((trit) => trit === 1)).toBe(true);
  checkTernaryMatrix(host);
});

test.each(variants)("$name: what is not a matrix of finite weights is refused", ({ quantizer }) => {
  const pair = { outFeatures: 2, inFeatures: 2 };
  const refused = (values: number[], size: MatrixShape): void => {
    expect(() => quantizer.quantize(Float32Array.from(values), size)).toThrow(ShapeError);
    if (quantizer.initialScale) {
      expect(() => quantizer.initialScale?.(Float32Array.from(values), size)).toThrow(ShapeError);
    }
  };
  refused([1, 2, 3], pair);
  refused([1, 2, 3, 4, 5], pair);
  refused([], { outFeatures: 0, inFeatures: 2 });
  refused([], { outFeatures: 2, inFeatures: 0 });
  refused([1, 2], { outFeatures: -1, inFeatures: -2 });
  refused([1], { outFeatures: 0.5, inFeatures: 2 });
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e39]) {
    refused([1, 2, value, 4], pair);
  }
  expect(() => quantizer.quantize(Float32Array.of(1, 2, Number.NaN, 4), pair)).toThrow("got NaN at index 2");
  const beyond = Math.fround(MAX_WEIGHT_MAGNITUDE * (1 + 2 ** -23));
  for (const value of [beyond, -beyond, 3e38]) {
    refused([1, 2, value, 4], pair);
    const message = `weights must be finite and at most 2^64 in magnitude, got ${Math.fround(value)} at index 2`;
    expect(() => quantizer.quantize(Float32Array.of(1, 2, value, 4), pair)).toThrow(message);
  }
});

test.each(quantizers)("$id takes the options it names and no others", ({ id, defaults, granularities }) => {
  expect(createQuantizer(id).options).toEqual(defaults);
  expect(createQuantizer(id, { granularity: undefined } as object).options).toEqual(defaults);
  expect(granularities).toContain(defaults.granularity);
  const numbers = Object.keys(defaults).filter((name) => name !== "granularity");
  for (const name of numbers) {
    expect(createQuantizer(id, { [name]: 0.25 }).options).toEqual({ ...defaults, [name]: 0.25 });
    for (const wrong of [-1, Number.NaN, Number.POSITIVE_INFINITY, 1e39, 2 ** 64, "1", null]) {
      expect(() => createQuantizer(id, { [name]: wrong } as object)).toThrow(UnsupportedError);
    }
  }
  const unknown = ["bits", "constructor", "eps", "clip"].filter((name) => !Object.keys(defaults).includes(name));
  for (const name of unknown) {
    expect(() => createQuantizer(id, { [name]: 1 } as object)).toThrow(`it takes: ${Object.keys(defaults).join(", ")}`);
  }
  expect(() => createQuantizer(id, { granularity: "per-group" } as object)).toThrow(UnsupportedError);
});

test.each(quantizers)("$id: the largest options and weights give finite scales", ({ id, defaults }) => {
  const numbers = Object.keys(defaults).filter((name) => name !== "granularity");
  const largest = createQuantizer(id, Object.fromEntries(numbers.map((name) => [name, 2 ** 63])));
  for (const weight of [2 ** 64, 1]) {
    const { scales } = largest.quantize(Float32Array.of(weight, -weight), { outFeatures: 1, inFeatures: 2 });
    expect([...scales].every(Number.isFinite)).toBe(true);
  }
});

test("an unknown quantizer is refused with the names there are", () => {
  const all = quantizers.map(({ id }) => id).join(", ");
  for (const id of ["", "BitNet", "toString", "ternary"]) {
    expect(() => createQuantizer(id)).toThrow(UnsupportedError);
    expect(() => createQuantizer(id)).toThrow(`choose one of: ${all}`);
  }
});

test("names are unique and every summary fits a line", () => {
  expect(new Set(quantizers.map(({ id }) => id)).size).toBe(quantizers.length);
  for (const { summary } of quantizers) expect(summary).toMatch(/^\S.{9,79}\S$/);
});

test.each(variants)("$name: a learned scale is checked", ({ quantizer, granularity }) => {
  const weights = normalValues(count, 5);
  const initial = quantizer.initialScale?.(weights, shape);
  if (!initial) {
    expect(() => quantizer.quantize(weights, shape, Float32Array.of(1))).toThrow(UnsupportedError);
    return;
  }
  expect(initial.length).toBe(granularity === "per-tensor" ? 1 : shape.outFeatures);
  expect(quantizer.quantize(weights, shape, initial)).toEqual(quantizer.quantize(weights, shape));
  expect(() => quantizer.quantize(weights, shape, new Float32Array(initial.length + 1).fill(1))).toThrow(ShapeError);
  expect(() =>
    quantizer.quantize(
      weights,
      shape,
      initial.map(() => Number.NaN),
    ),
  ).toThrow("must be finite");
  for (const hostile of [0, -1, -1e30, 1e-30]) {
    const matrix = quantizer.quantize(
      weights,
      shape,
      initial.map(() => hostile),
    );
    checkTernaryMatrix(matrix);
    const traced = traceQuantizer(quantizer)(
      weights,
      shape,
      undefined,
      initial.map(() => hostile),
    );
    expect(traced.scales).toEqual(matrix.scales);
    expect(matrix.scales.every((scale) => scale > 0)).toBe(true);
    expect(traced.surrogate.every((value) => value === 0)).toBe(true);
    expect(traced.scaleGradient.every(Number.isFinite)).toBe(true);
  }
});

function variantOf(id: string, options: QuantizerOptions) {
  const quantizer = createQuantizer(id, options);
  const { granularity } = quantizer.options;
  return {
    name: `${id}, ${Object.entries(options).flat().join(" ")}`,
    quantizer,
    granularity,
    trace: traceQuantizer(quantizer),
  };
}
