/**
 * TQ1_0 of ggml: 256 weights in 54 bytes, five digits trit + 1 a byte in base 3, the first most significant. A byte is
 * ceil(256 · v / 243) for the number v of its digits, so that a reader gets the next digit as the whole part of 3 · byte / 256
 * and goes on with the rest. Byte m of the first 32 holds the weights m, 32 + m, ..., 128 + m; byte m of the next 16 the
 * weights 160 + m, 176 + m, ..., 224 + m; byte m of the last 4 the weights 240 + m, 244 + m, 248 + m, 252 + m and the digit 0.
 * Then the scale.
 */
import { checkTrits } from "../core/ternary-matrix.ts";
import type { Format } from "./format.ts";
import { scaleBlocks } from "./scale-blocks.ts";

const TRITS = 256;
const DIGITS = 5;
const CODE_BYTES = 52;
const BLOCK_BYTES = CODE_BYTES + 2;

/** Bytes that hold weights one stride apart: the offset of the first byte and weight, and how many weights a byte holds. */
const parts = [
  { offset: 0, count: 32, first: 0, digits: 5 },
  { offset: 32, count: 16, first: 160, digits: 5 },
  { offset: 48, count: 4, first: 240, digits: 4 },
] as const;

/** Byte of every number of five digits. */
const byteOf: Uint8Array = Uint8Array.from({ length: 243 }, (_, number) => Math.ceil((number * 256) / 243));
/** Trits of every byte, by the reader's rule. */
const tritOf: Int8Array = new Int8Array(256 * DIGITS);
/** Whether a byte stands for five digits, and for four with 0 behind them. */
const standsFor: Uint8Array = new Uint8Array(256);
for (let number = 0; number < 243; number++) {
  const byte = byteOf[number];
  standsFor[byte] = number % 3 === 0 ? 2 : 1;
  for (let digit = 0; digit < DIGITS; digit++) {
    tritOf[byte * DIGITS + digit] = (Math.floor(number / 3 ** (DIGITS - 1 - digit)) % 3) - 1;
  }
}

/** 1.69 bits per weight, for llama.cpp; the smaller of its ternary types. */
export const tq1_0: Format = scaleBlocks({
  id: "tq1_0",
  summary: "ggml: 5 trits a byte, a scale for every 256 weights",
  bitsPerWeight: (8 * CODE_BYTES) / TRITS,
  groupSize: TRITS,
  blockBytes: BLOCK_BYTES,
  scaleOffset: CODE_BYTES,

  pack(trits, bytes) {
    checkTrits(trits);
    for (let start = 0, block = 0; start < trits.length; start += TRITS, block += BLOCK_BYTES) {
      for (const { offset, count, first, digits } of parts) {
        for (let m = 0; m < count; m++) {
          let number = 0;
          for (let digit = 0; digit < digits; digit++)
            number = number * 3 + trits[start + first + digit * count + m] + 1;
          bytes[block + offset + m] = byteOf[digits < DIGITS ? number * 3 : number];
        }
      }
    }
    return true;
  },

  firstBadByte(bytes) {
    for (let block = 0; block < bytes.length; block += BLOCK_BYTES) {
      for (const { offset, count, digits } of parts) {
        const least = digits < DIGITS ? 2 : 1;
        for (let m = 0; m < count; m++) if (standsFor[bytes[block + offset + m]] < least) return block + offset + m;
      }
    }
    return -1;
  },

  unpack(bytes, trits) {
    for (let start = 0, block = 0; start < trits.length; start += TRITS, block += BLOCK_BYTES) {
      for (const { offset, count, first, digits } of parts) {
        for (let m = 0; m < count; m++) {
          const entry = bytes[block + offset + m] * DIGITS;
          for (let digit = 0; digit < digits; digit++) trits[start + first + digit * count + m] = tritOf[entry + digit];
        }
      }
    }
    return undefined;
  },
});
