import { expect, test } from "vitest";
import { arrayByteLength, elementByteLengths, elementTypeNames, isElementType } from "./element-types.ts";
import { decodeElements, encodeElements, reverseElements, widenBfloat16, widenFloat16 } from "./element-values.ts";

const everyHalf = Uint16Array.from({ length: 0x1_0000 }, (_, bits) => bits);

test("every float16 widens to the value that IEEE 754 gives it", () => {
  const widened = widenFloat16(everyHalf);
  for (const bits of everyHalf) {
    const sign = bits >> 15 === 1 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = (bits & 1023) / 1024;
    let expected = sign * 2 ** (exponent - 15) * (1 + fraction);
    if (exponent === 0) expected = sign * 2 ** -14 * fraction;
    if (exponent === 31) expected = fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
    if (!Object.is(widened[bits], expected)) expect({ bits, value: widened[bits] }).toEqual({ bits, value: expected });
  }
});

test("every bfloat16 widens to the float32 whose upper half it is", () => {
  const words = new Uint32Array(widenBfloat16(everyHalf).buffer);
  expect(words.every((word, bits) => word === bits * 0x1_0000)).toBe(true);
});

test("known halves", () => {
  expect([...widenFloat16(Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0x8000, 0xfc00))]).toEqual([
    1,
    -2,
    65504,
    2 ** -24,
    -0,
    Number.NEGATIVE_INFINITY,
  ]);
  expect([...widenBfloat16(Uint16Array.of(0x3f80, 0xc049, 0x0000))]).toEqual([1, -3.140625, 0]);
});

test.each([
  ["F64", [0x18, 0x2d, 0x44, 0x54, 0xfb, 0x21, 0x09, 0x40], Math.PI],
  ["F32", [0, 0, 0x20, 0xc1], -10],
  ["F16", [0x00, 0xc0], -2],
  ["BF16", [0x80, 0x3f], 1],
  ["I64", [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], -2n],
  ["U64", [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 0xffff_ffff_ffff_fffen],
  ["I32", [0xfe, 0xff, 0xff, 0xff], -2],
  ["U32", [0xfe, 0xff, 0xff, 0xff], 0xffff_fffe],
  ["I16", [0x00, 0x80], -32768],
  ["U16", [0x02, 0x01], 258],
  ["I8", [0x80], -128],
  ["U8", [0x80], 128],
  ["BOOL", [1], 1],
] as const)("%s is read little-endian, at any alignment", (dtype, bytes, expected) => {
  for (let shift = 0; shift < 9; shift++) {
    const memory = new Uint8Array(bytes.length + shift);
    memory.set(bytes, shift);
    expect(decodeElements(dtype, memory.subarray(shift))).toHaveLength(1);
    expect(decodeElements(dtype, memory.subarray(shift))[0]).toBe(expected);
  }
});

test("values turn into bytes and back, sharing memory where they can", () => {
  const values = Float32Array.of(1, -0, 3.5).subarray(1);
  const bytes = encodeElements(values);
  expect([...bytes]).toEqual([0, 0, 0, 0x80, 0, 0, 0x60, 0x40]);
  expect(bytes.buffer).toBe(values.buffer);
  expect(decodeElements("F32", bytes).buffer).toBe(values.buffer);
});

test("elements are reversed one by one, in a copy", () => {
  const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  expect([...reverseElements(bytes, 4)]).toEqual([4, 3, 2, 1, 8, 7, 6, 5]);
  expect([...reverseElements(bytes, 2)]).toEqual([2, 1, 4, 3, 6, 5, 8, 7]);
  expect(bytes[0]).toBe(1);
});

test("byte lengths are exact or undefined", () => {
  expect(arrayByteLength("F32", [])).toBe(4);
  expect(arrayByteLength("F64", [2, 3, 5])).toBe(240);
  expect(arrayByteLength("U8", [2 ** 53 - 1])).toBe(2 ** 53 - 1);
  expect(arrayByteLength("U16", [2 ** 52])).toBeUndefined();
  expect(arrayByteLength("U8", [94_906_267, 94_906_267])).toBeUndefined(); // 2^53 + 2.1e8
  expect(arrayByteLength("U8", new Array(40).fill(2 ** 53 - 1))).toBeUndefined(); // infinite in float64
  expect(arrayByteLength("F32", [2 ** 53 - 1, 2 ** 53 - 1, 0])).toBe(0);
});

test("only the listed names are element types", () => {
  expect(elementTypeNames).toHaveLength(13);
  expect(elementTypeNames.every(isElementType)).toBe(true);
  expect(["constructor", "__proto__", "toString", "f32", "", "F8_E4M3"].some(isElementType)).toBe(false);
  expect(elementByteLengths.BF16).toBe(2);
});
