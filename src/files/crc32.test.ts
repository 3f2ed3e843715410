import { crc32 as zlibCrc32 } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { crc32 } from "./crc32.ts";

const encoder = new TextEncoder();

/** The check value that every catalogue of check sums gives, and others of the usual tools. */
test.each([
  ["", 0],
  ["123456789", 0xcbf4_3926],
  ["The quick brown fox jumps over the lazy dog", 0x414f_a339],
  ["\0", 0xd202_ef8d],
])("the sum of %j", (text, expected) => {
  expect(crc32(encoder.encode(text))).toBe(expected);
});

test("parts give the sum of the whole", () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => (i * 31) % 256);
  for (const at of [0, 1, 500, 999, 1000]) {
    expect(crc32(bytes.subarray(at), crc32(bytes.subarray(0, at)))).toBe(crc32(bytes));
  }
});

test("any bytes have the sum that zlib gives them", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(), (bytes, before) => {
      expect(crc32(bytes, before)).toBe(zlibCrc32(bytes, before));
    }),
  );
});
