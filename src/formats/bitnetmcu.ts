/**
 * Ternary weights of BitNetMCU: ten trits in 16 bits as digits in base 3, +1 → 0, -1 → 1, 0 → 2, the first most significant.
 * A word is ceil(65536 · v / 59049) for the number v of its digits, so that the carry of 3 · word is the next digit. Words are
 * little-endian; a row takes ceil(K / 10) of them, its tail padded with trit 0. Scales are a tensor of their own.
 */
import { checkTrits } from "../core/ternary-matrix.ts";
import { viewOf } from "./byte-words.ts";
import { defineFormat } from "./define-format.ts";
import type { Format } from "./format.ts";

const DIGITS = 10;
const NUMBERS = 3 ** DIGITS;
const WORD_BYTES = 2;

/** Trits of the digits 0, 1 and 2. */
const tritOfDigit = [1, -1, 0] as const;
/** Digits of the trits -1, 0 and +1. */
const digitOfTrit = [1, 2, 0] as const;

const wordsOf = (inFeatures: number): number => Math.ceil(inFeatures / DIGITS);

/** 1.6 bits per weight, for microcontrollers. */
export const bitnetmcu: Format = defineFormat({
  id: "bitnetmcu",
  summary: "BitNetMCU: 10 trits in 16 bits",
  bitsPerWeight: 1.6,
  granularities: ["per-tensor", "per-channel"],
  byteLength: ({ outFeatures, inFeatures }) => outFeatures * wordsOf(inFeatures) * WORD_BYTES,

  packTrits(trits, { outFeatures, inFeatures }, bytes) {
    checkTrits(trits);
    const view = viewOf(bytes);
    for (let n = 0, at = 0; n < outFeatures; n++) {
      for (let first = 0; first < inFeatures; first += DIGITS, at += WORD_BYTES) {
        let number = 0;
        for (let k = first; k < first + DIGITS; k++) {
          number = number * 3 + digitOfTrit[k < inFeatures ? trits[n * inFeatures + k] + 1 : 1];
        }
        view.setUint16(at, Math.ceil((number * 65536) / NUMBERS), true);
      }
    }
    return true;
  },

  firstBadByte(bytes) {
    const view = viewOf(bytes);
    for (let at = 0; at < bytes.length; at += WORD_BYTES) {
      const word = view.getUint16(at, true);
      // The number that a word stands for is the largest whose word is not larger.
      const number = Math.floor((word * NUMBERS) / 65536);
      if (Math.ceil((number * 65536) / NUMBERS) !== word) return at;
    }
    return -1;
  },

  unpackRows(bytes, { inFeatures }, first, count, trits) {
    const view = viewOf(bytes);
    const rowBytes = wordsOf(inFeatures) * WORD_BYTES;
    for (let row = 0; row < count; row++) {
      let at = (first + row) * rowBytes;
      for (let k = 0; k < inFeatures; at += WORD_BYTES) {
        let rest = view.getUint16(at, true);
        for (const end = Math.min(k + DIGITS, inFeatures); k < end; k++) {
          rest *= 3;
          trits[row * inFeatures + k] = tritOfDigit[rest >> 16];
          rest &= 0xffff;
        }
      }
    }
    return undefined;
  },
});
