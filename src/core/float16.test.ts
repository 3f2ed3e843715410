/** Float16 bit patterns against the definition of the type, and rounding against the nearest of all its numbers. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { float16Bits, float16Value, MAX_FLOAT16 } from "./float16.ts";

test.each([
  [0x0000, 0],
  [0x8000, -0],
  [0x0001, 2 ** -24],
  [0x03ff, 1023 * 2 ** -24],
  [0x0400, 2 ** -14],
  [0x3555, 0.333251953125],
  [0x3c00, 1],
  [0xc000, -2],
  [0x7bff, 65504],
  [0x7c00, Number.POSITIVE_INFINITY],
  [0xfc00, Number.NEGATIVE_INFINITY],
])("0x%s is %s", (bits, value) => {
  expect(float16Value(bits)).toBe(value);
  expect(float16Bits(value)).toBe(bits);
});

test("every bit pattern comes back, but for the payload of NaN", () => {
  for (let bits = 0; bits < 2 ** 16; bits++) {
    const value = float16Value(bits);
    if (Number.isNaN(value)) expect(Number.isNaN(float16Value(float16Bits(value)))).toBe(true);
    else expect(float16Bits(value)).toBe(bits);
  }
});

/** Finite and not negative, in order. */
const numbers = Array.from({ length: 0x7c00 }, (_, bits) => float16Value(bits));

test("any float32 rounds to the nearest, halves to the even one", () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true, min: Math.fround(-70000), max: 70000 }), (value) => {
      const bits = float16Bits(value);
      const magnitude = Math.abs(value);
      if (magnitude >= MAX_FLOAT16 + 16) {
        expect(Math.abs(float16Value(bits))).toBe(Number.POSITIVE_INFINITY);
        return;
      }
      const distance = Math.abs(Math.abs(float16Value(bits)) - magnitude);
      const others = numbers.map((other) => Math.abs(other - magnitude));
      const nearest = others.reduce((least, other) => Math.min(least, other));
      expect(distance).toBe(nearest);
      const ties = others.filter((other) => other === nearest).length;
      if (ties > 1) expect(bits % 2).toBe(0);
    }),
  );
});

test("halves go to the even one, on both sides", () => {
  expect(float16Bits(1 + 2 ** -11)).toBe(0x3c00);
  expect(float16Bits(1 + 3 * 2 ** -11)).toBe(0x3c02);
  expect(float16Bits(2 ** -25)).toBe(0);
  expect(float16Bits(3 * 2 ** -25)).toBe(2);
  expect(float16Bits(65519)).toBe(0x7bff);
  expect(float16Bits(65520)).toBe(0x7c00);
});
