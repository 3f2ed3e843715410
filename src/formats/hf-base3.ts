/**
 * Packed weights of the BitLinear of Hugging Face (krisaujla): the trits of the matrix, one row after the other, five a byte
 * as digits trit + 1 in base 3, the first least significant; only the end of the matrix is padded. Scales, one per row or
 * one, are a tensor of their own.
 *
 * That program adds the digits of a byte up in a wider type: a tensor of int64 holds one such byte in each element.
 */
import { firstNonDigits, packDigits, unpackDigits } from "./base3-digits.ts";
import { defineFormat } from "./define-format.ts";
import type { Format } from "./format.ts";

/** 1.6 bits per weight, bytes that run on from row to row. */
export const hfBase3: Format = defineFormat({
  id: "hf_base3",
  summary: "BitLinear of Hugging Face: 5 trits a byte, rows run on",
  bitsPerWeight: 1.6,
  granularities: ["per-tensor", "per-channel"],
  byteLength: ({ outFeatures, inFeatures }) => Math.ceil((outFeatures * inFeatures) / 5),
  firstBadByte: firstNonDigits,

  packTrits: (trits, _, bytes) => packDigits(trits, 0, trits.length, bytes, 0),

  unpackRows(bytes, { inFeatures }, first, _, trits) {
    const begin = first * inFeatures;
    unpackDigits(bytes, Math.floor(begin / 5), trits, 0, trits.length, begin % 5);
    return undefined;
  },
});
