/** Every activation rule: host codes equal traced codes bit for bit, and gradients equal the closed form. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { UnsupportedError } from "../core/errors.ts";
import { RandomSource } from "../core/random.ts";
import { roundHalfEven } from "../core/rounding.ts";
import { compile, differentiate, tensor } from "../tensor/index.ts";
import { MAX_MAGNITUDE } from "./activation-rule.ts";
import { type ActivationRule, activationRule, activationRules } from "./index.ts";

const TOKENS = 4;
const LENGTH = 33;
const variants = activationRules.map((rule) => ({ id: rule.id, rule, trace: compileRule(rule) }));

/** Tokens of very different sizes, some of their values zero. */
const tokens = fc
  .record({
    seed: fc.integer(),
    exponents: fc.array(fc.integer({ min: -149, max: 122 }), { minLength: 4, maxLength: 4 }),
  })
  .map(({ seed, exponents }) => {
    const random = new RandomSource(seed);
    return Float32Array.from({ length: TOKENS * LENGTH }, (_, i) =>
      random.uniform() < 0.1 ? 0 : random.normal() * 2 ** exponents[Math.floor(i / LENGTH)],
    );
  });

test.each(variants)("$id: host and traced codes are equal in all bits", ({ rule, trace }) => {
  fc.assert(fc.property(tokens, (x) => expectEqualCodes(rule, trace, x)));
});

/** One token of each kind, by the values it starts with; the rest is zero. */
const edges: Record<string, number[]> = {
  zeros: [],
  "negative zeros": new Array(LENGTH).fill(-0),
  "the smallest float32": [2 ** -149, -(2 ** -149)],
  "below the smallest maximum": [9e-6, -9e-6, 4e-6, 3.937e-8],
  "at the smallest maximum": [Math.fround(1e-5), -Math.fround(1e-5)],
  "just below the largest magnitude": [2 ** 126 - 2 ** 102, -(2 ** 126 - 2 ** 102), 2 ** 120, 1],
  "one value": [-3],
  "equal values": new Array(LENGTH).fill(0.1),
  // The maximum 127 makes the inverse exactly 1, so every k + 0.5 is an exact tie.
  ties: [127, ...Array.from({ length: 32 }, (_, k) => (k % 2 === 0 ? 1 : -1) * (4 * k + 0.5))],
  "more ties": [-127, ...Array.from({ length: 32 }, (_, k) => (k % 2 === 0 ? -1 : 1) * (3 * k + 1.5))],
  "tiny ties": [127, ...Array.from({ length: 32 }, (_, k) => k + 0.5)].map((value) => value * 2 ** -20),
  // 0.5 - 2⁻²⁵ + 0.5 rounds to 1.
  "just below a half": [127, 0.5 - 2 ** -25, -(0.5 - 2 ** -25), 1.5 - 2 ** -23, -(1.5 - 2 ** -23), 0.5 + 2 ** -24],
  "products that round to a tie": roundedTies(3),
  "more products that round to a tie": roundedTies(0.7),
  "huge ties": [127, ...Array.from({ length: 32 }, (_, k) => 94.5 + k)].map((value) => value * 2 ** 118),
};

/** A token with maximum `largest` whose products with the inverse scale are ties in float32 and none exactly. */
function roundedTies(largest: number): number[] {
  const inverse = Math.fround(Math.fround(1 / Math.fround(largest)) * 127);
  const ties = Array.from({ length: 126 }, (_, k) => k + 0.5).flatMap((tie) => {
    const near = Math.fround(tie / inverse);
    return [near - near * 2 ** -24, near, near + near * 2 ** -23]
      .map(Math.fround)
      .filter((x) => Math.fround(x * inverse) === tie && x * inverse !== tie)
      .slice(0, 1);
  });
  return [largest, ...ties].slice(0, LENGTH);
}

test.each(variants)("$id: edges are equal in all bits", ({ rule, trace }) => {
  const names = Object.keys(edges);
  for (let first = 0; first < names.length; first += TOKENS) {
    const x = new Float32Array(TOKENS * LENGTH);
    names.slice(first, first + TOKENS).forEach((name, token) => {
      expect(edges[name].length === LENGTH || !name.includes("tie"), name).toBe(true);
      x.set(edges[name], token * LENGTH);
    });
    expectEqualCodes(rule, trace, x);
  }
});

test.each(variants)(
  "$id: a token with a value that is not allowed is NaN as a whole, the others are not",
  (variant) => {
    const { rule, trace } = variant;
    const wrong = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, MAX_MAGNITUDE, -(2 ** 127)];
    for (const value of wrong) {
      const x = new Float32Array(TOKENS * LENGTH).fill(0.5);
      x[2 * LENGTH + 5] = value;
      const traced = trace(x, new Float32Array(x.length));
      for (let token = 0; token < TOKENS; token++) {
        const values = x.subarray(token * LENGTH, (token + 1) * LENGTH);
        const codes = new Float32Array(LENGTH);
        const scale = rule.encode(values, codes);
        const isWrong = token === 2;
        expect(Number.isNaN(scale)).toBe(isWrong);
        // What a layer computes from a token: every output holds a product of each code, trit 0 included, and the scale.
        const rowSum = traced.codes
          .subarray(token * LENGTH, (token + 1) * LENGTH)
          .reduce((sum, code) => sum + 0 * code, 0);
        const tracedScale = traced.scales[traced.scales.length === 1 ? 0 : token];
        expect(Number.isNaN(rowSum * tracedScale)).toBe(isWrong);
      }
    }
  },
);

test("int8 follows the formula, by hand", () => {
  const codes = new Float32Array(6);
  const scale = activationRule("int8").encode(Float32Array.of(127, 0.5, 1.5, 2.5, -2.5, -127), codes);
  expect(scale).toBe(1);
  expect(codes.map((code) => code + 0)).toEqual(Float32Array.of(127, 0, 2, 2, -2, -127));
  const half = activationRule("int8").encode(Float32Array.of(-0.5, 0.25), codes.subarray(0, 2));
  expect(half).toBe(Math.fround(0.5 * Math.fround(1 / 127)));
  expect(codes.subarray(0, 2)).toEqual(Float32Array.of(-127, 64)); // 63.5 is a tie
});

test("int8 codes are within one rounding of the tie from the exact quotient, and never beyond 127", () => {
  const codes = new Float32Array(LENGTH);
  fc.assert(
    fc.property(tokens, (x) => {
      const token = x.subarray(0, LENGTH);
      const largest = Math.max(...token.map(Math.abs), Math.fround(1e-5));
      activationRule("int8").encode(token, codes);
      codes.forEach((code, k) => {
        const exact = (token[k] * 127) / largest;
        expect(Math.abs(code)).toBeLessThanOrEqual(127);
        // Three float32 roundings (reciprocal and two products) and those of this test.
        const rounding = 4 * 2 ** -24 * Math.abs(exact);
        expect(Math.abs(code - exact)).toBeLessThanOrEqual(0.5 + rounding);
        if (Math.abs(code - exact) < 0.5 - rounding) expect(code + 0).toBe(roundHalfEven(exact) + 0);
      });
    }),
  );
});

test("sign and none, by hand", () => {
  const token = Float32Array.of(-2, -0, 0, 2 ** -149, 1);
  const codes = new Float32Array(5);
  expect(activationRule("sign").encode(token, codes)).toBe(1);
  expect(codes).toEqual(Float32Array.of(-1, 1, 1, 1, 1));
  expect(activationRule("none").encode(token, codes)).toBe(1);
  expect(codes).toEqual(token);
});

test("gradients: int8 passes code · scale straight through, none passes x, sign passes |x| <= 1", () => {
  const random = new RandomSource(1);
  const x = Float32Array.from({ length: TOKENS * LENGTH }, () => random.normal());
  x.set([1, -1, 1 + 2 ** -23, -1 - 2 ** -23], 0);
  const upstream = Float32Array.from(x, () => random.normal());
  const gradientOf = (id: string) => variants.find((variant) => variant.id === id)?.trace(x, upstream).gradient;

  expect(gradientOf("none")).toEqual(upstream);
  expect(gradientOf("sign")).toEqual(upstream.map((gradient, i) => (Math.abs(x[i]) <= 1 ? gradient : 0)));
  const inverseOf = (token: number): number => {
    const largest = Math.max(...x.subarray(token * LENGTH, (token + 1) * LENGTH).map(Math.abs));
    return Math.fround(Math.fround(1 / largest) * 127);
  };
  // d code/dx is the inverse scale; the layer's factor, the scale, makes it 1 up to rounding.
  expect(gradientOf("int8")).toEqual(upstream.map((gradient, i) => gradient * inverseOf(Math.floor(i / LENGTH))));
});

test("integer rules give integers of at most 127", () => {
  const x = Float32Array.from({ length: LENGTH }, (_, k) => Math.sin(k) * 3);
  for (const rule of activationRules.filter(({ isInteger }) => isInteger)) {
    const codes = new Float32Array(LENGTH);
    rule.encode(x, codes);
    expect(codes.every((code) => Number.isInteger(code) && Math.abs(code) <= 127)).toBe(true);
  }
});

test("an unknown rule is refused with the names there are", () => {
  expect(() => activationRule("int4")).toThrow(UnsupportedError);
  expect(() => activationRule("int4")).toThrow("int8, none, sign");
  for (const { id } of activationRules) expect(activationRule(id).id).toBe(id);
});

interface TracedRun {
  codes: Float32Array;
  scales: Float32Array;
  /** Of Σ upstream · codes. */
  gradient: Float32Array;
}

/** The traced rule, compiled, over `[TOKENS, LENGTH]`. */
function compileRule(rule: ActivationRule): (x: Float32Array, upstream: Float32Array) => TracedRun {
  const run = compile(([x, upstream]) => {
    const { extra, gradients } = differentiate(
      ([input]) => {
        const { codes, scales } = rule.trace(input);
        return { value: codes.mul(upstream).sum(), extra: [codes, scales] };
      },
      [x],
    );
    return [...extra, ...gradients];
  });
  return (x, upstream) => {
    const inputs = [x, upstream].map((values) => tensor(values, [TOKENS, LENGTH]));
    const outputs = run(inputs);
    const [codes, scales, gradient] = outputs.map((output) => output.dataSync().map((value) => value + 0));
    for (const used of [...inputs, ...outputs]) used.dispose();
    return { codes, scales, gradient };
  };
}

function expectEqualCodes(rule: ActivationRule, trace: ReturnType<typeof compileRule>, x: Float32Array): void {
  const traced = trace(x, new Float32Array(x.length));
  for (let token = 0; token < TOKENS; token++) {
    const codes = new Float32Array(LENGTH);
    const scale = rule.encode(x.subarray(token * LENGTH, (token + 1) * LENGTH), codes);
    const tracedCodes = traced.codes.subarray(token * LENGTH, (token + 1) * LENGTH);
    expect(tracedCodes).toEqual(codes.map((code) => code + 0)); // -0 is 0
    expect(traced.scales[traced.scales.length === 1 ? 0 : token]).toBe(scale);
  }
}
