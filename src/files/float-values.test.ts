/** Floats from and to the bytes of files, against the definition of each type: values by formula, rounding by distance. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ShapeError } from "../core/errors.ts";
import { type ElementType, elementTypeNames } from "./element-types.ts";
import { decodeFloats, encodeElements, encodeFloats } from "./element-values.ts";

const everyPattern = Uint16Array.from({ length: 0x1_0000 }, (_, bits) => bits);

/** The number of a bit pattern, by the rule of IEEE 754 for a type of 16 bits. */
function valueByFormula(bits: number, fractionBits: number): number {
  const sign = bits >= 0x8000 ? -1 : 1;
  const exponentMax = 2 ** (15 - fractionBits) - 1;
  const bias = (exponentMax - 1) / 2;
  const exponent = Math.floor((bits % 0x8000) / 2 ** fractionBits);
  const fraction = (bits % 2 ** fractionBits) / 2 ** fractionBits;
  if (exponent === exponentMax) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias);
}

const types = [
  { dtype: "F16", fractionBits: 10, infinity: 0x7c00, nan: 0x7e00 },
  { dtype: "BF16", fractionBits: 7, infinity: 0x7f80, nan: 0x7fc0 },
] as const;

function encodePattern(value: number, dtype: "F16" | "BF16"): number {
  const [low, high] = encodeFloats(Float32Array.of(value), dtype);
  return low + 256 * high;
}

test.each(types)("each of the 65,536 patterns of $dtype has its value, and comes back", (type) => {
  const { dtype, fractionBits, nan } = type;
  const decoded = decodeFloats(encodeElements(everyPattern), dtype);
  const encoded = encodeFloats(decoded, dtype);
  const wrong = [...everyPattern].filter((bits) => {
    const value = valueByFormula(bits, fractionBits);
    const back = encoded[2 * bits] + 256 * encoded[2 * bits + 1];
    return !Object.is(decoded[bits], value) || back !== (Number.isNaN(value) ? nan : bits);
  });
  expect(wrong).toEqual([]);
});

/**
 * Between each pattern and the next: their middle goes to the even one of them, what lies beside it to the nearer one. Beyond
 * the largest number stands infinity where the next number would be.
 */
test.each(types)("halves of $dtype go to even, all others to the nearest", ({ dtype, fractionBits, infinity }) => {
  const wrong: object[] = [];
  const check = (value: number, expected: number): void => {
    for (const sign of [0, 0x8000]) {
      const got = encodePattern(sign === 0 ? value : -value, dtype);
      if (got !== (sign | expected)) wrong.push({ value, got, expected: sign | expected });
    }
  };
  for (let bits = 0; bits < infinity; bits++) {
    const low = valueByFormula(bits, fractionBits);
    const step = low - (bits === 0 ? 0 : valueByFormula(bits - 1, fractionBits));
    const isLast = bits + 1 === infinity;
    const high = isLast ? low + step : valueByFormula(bits + 1, fractionBits);
    const middle = (low + high) / 2; // a float32: one bit more than the type has, at least 2⁻¹³⁴
    check(middle, bits % 2 === 0 ? bits : bits + 1);
    check(neighbour(middle, -1), bits);
    check(neighbour(middle, 1), bits + 1);
  }
  expect(wrong).toEqual([]);
});

/** The float32 next to a positive one, above it or below. */
function neighbour(value: number, steps: 1 | -1): number {
  const word = new Uint32Array(Float32Array.of(value).buffer);
  word[0] += steps;
  return new Float32Array(word.buffer)[0];
}

test.each(types)(
  "any float32 goes to a number of $dtype that none is nearer than",
  ({ dtype, fractionBits, infinity }) => {
    fc.assert(
      fc.property(fc.float(), (value) => {
        const bits = encodePattern(value, dtype);
        const found = valueByFormula(bits, fractionBits);
        if (!Number.isFinite(found)) {
          const overflow = valueByFormula(infinity - 1, fractionBits) * (1 + 2 ** -(fractionBits + 2));
          return Number.isNaN(value) ? Number.isNaN(found) : Math.abs(value) >= overflow && found > 0 === value > 0;
        }
        const others = [bits - 1, bits + 1].map((other) => valueByFormula(other & 0xffff, fractionBits));
        return others.every((other) => !(Math.abs(other - value) < Math.abs(found - value)));
      }),
      { numRuns: 5000 },
    );
  },
);

test.each(types)("infinities, zeros and NaN of $dtype", ({ dtype, infinity, nan }) => {
  expect(encodePattern(Number.POSITIVE_INFINITY, dtype)).toBe(infinity);
  expect(encodePattern(Number.NEGATIVE_INFINITY, dtype)).toBe(infinity + 0x8000);
  expect(encodePattern(0, dtype)).toBe(0);
  expect(encodePattern(-0, dtype)).toBe(0x8000);
  expect(encodePattern(3.4028234663852886e38, dtype)).toBe(infinity);
  for (const word of [0x7f80_0001, 0x7fff_ffff, 0xff80_0001, 0x7fc0_0000]) {
    const values = new Float32Array(Uint32Array.of(word).buffer);
    expect([...encodeFloats(values, dtype)]).toEqual([nan % 256, nan >> 8]);
  }
});

test("F32 shares its memory both ways", () => {
  const values = Float32Array.of(1, -0, 3.5, Number.NaN).subarray(1);
  const bytes = encodeFloats(values, "F32");
  expect(bytes.buffer).toBe(values.buffer);
  expect(decodeFloats(bytes, "F32")).toEqual(values);
  expect(decodeFloats(bytes, "F32").buffer).toBe(values.buffer);
});

test.each<[ElementType, Parameters<typeof encodeElements>[0], number[]]>([
  ["F64", Float64Array.of(1 / 3, 1e300, 2 ** -150, 1 + 2 ** -24), [Math.fround(1 / 3), Number.POSITIVE_INFINITY, 0, 1]],
  ["I8", Int8Array.of(-128, 127), [-128, 127]],
  ["U8", Uint8Array.of(0, 255), [0, 255]],
  ["BOOL", Uint8Array.of(0, 1), [0, 1]],
  ["I16", Int16Array.of(-32768), [-32768]],
  ["U16", Uint16Array.of(65535), [65535]],
  ["I32", Int32Array.of(-(2 ** 31), 2 ** 24 + 1, 2 ** 24 + 3), [-(2 ** 31), 2 ** 24, 2 ** 24 + 4]],
  ["U32", Uint32Array.of(0xffff_ffff), [2 ** 32]],
  ["I64", BigInt64Array.of(-(2n ** 63n), 7n, -(2n ** 24n) - 1n), [-(2 ** 63), 7, -(2 ** 24)]],
  ["U64", BigUint64Array.of(2n ** 64n - 1n, 2n ** 60n), [2 ** 64, 2 ** 60]],
])("%s becomes the nearest float32", (dtype, values, expected) => {
  expect([...decodeFloats(encodeElements(values), dtype)]).toEqual(expected);
});

test("large integers are rounded once: a tie of float64 is none of float32", () => {
  const tie = 2n ** 60n + 2n ** 36n; // half-way between two float32, and one more or less would vanish in a float64
  const values = BigInt64Array.of(tie, tie + 1n, tie - 1n, -tie, -tie - 1n, -tie + 1n);
  const [low, high] = [2 ** 60, 2 ** 60 + 2 ** 37];
  expect([...decodeFloats(encodeElements(values), "I64")]).toEqual([low, high, low, -low, -high, -low]);
});

test("a part of an element is refused", () => {
  for (const dtype of elementTypeNames.filter((name) => !["I8", "U8", "BOOL"].includes(name))) {
    expect(() => decodeFloats(new Uint8Array(9), dtype)).toThrow(ShapeError);
  }
});
