/**
 * Five trits a byte, 1.6 bits per weight: byte = d0 + 3·d1 + 9·d2 + 27·d3 + 81·d4 with digits d = trit + 1.
 * A row takes ceil(K / 5) bytes, its tail padded with trit 0; bytes above 242 do not occur.
 */
import { firstNonDigits, packDigits, unpackDigits } from "./base3-digits.ts";
import { defineFormat } from "./define-format.ts";
import type { Format } from "./format.ts";

const rowBytes = (inFeatures: number): number => Math.ceil(inFeatures / 5);

/** 1.6 bits per weight, the smallest. */
export const base3: Format = defineFormat({
  id: "base3",
  summary: "1.6 bits: 5 trits a byte",
  bitsPerWeight: 1.6,
  granularities: ["per-tensor", "per-channel", "per-group"],
  byteLength: ({ outFeatures, inFeatures }) => outFeatures * rowBytes(inFeatures),
  firstBadByte: firstNonDigits,

  packTrits(trits, { outFeatures, inFeatures }, bytes) {
    let areTrits = true;
    for (let n = 0; n < outFeatures; n++) {
      const to = n * rowBytes(inFeatures);
      areTrits = packDigits(trits, n * inFeatures, (n + 1) * inFeatures, bytes, to) && areTrits;
    }
    return areTrits;
  },

  unpackRows(bytes, { inFeatures }, first, count, trits) {
    for (let n = 0; n < count; n++) {
      unpackDigits(bytes, (first + n) * rowBytes(inFeatures), trits, n * inFeatures, (n + 1) * inFeatures);
    }
    return undefined;
  },
});
