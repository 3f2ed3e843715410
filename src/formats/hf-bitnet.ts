/**
 * Packed BitNet weights of Hugging Face: a tensor `[ceil(N / 4), K]` of bytes, codes trit + 1. Byte `[r, k]` holds the trits
 * of column k in the rows r, R + r, 2·R + r and 3·R + r for R = ceil(N / 4), the first in the low bits; rows beyond the last
 * have code 0, and code 3 does not occur. One scale, a tensor of its own: the layer class `autobitlinear` multiplies by it,
 * `bitlinear` divides by it, so a reader of the latter gives `unpack` the reciprocal.
 */
import { checkTrits } from "../core/ternary-matrix.ts";
import { firstCodeThree } from "./byte-words.ts";
import { defineFormat } from "./define-format.ts";
import type { Format } from "./format.ts";
import { packStripes, type Stripes, unpackStripes } from "./two-bit-stripes.ts";

const quarterOf = (outFeatures: number): number => Math.ceil(outFeatures / 4);

/** 2 bits per weight in quarters of the rows, for BitNet models of Hugging Face. */
export const hfBitnet: Format = defineFormat({
  id: "hf_bitnet",
  summary: "BitNet of Hugging Face: 2 bits, row quarters",
  bitsPerWeight: 2,
  granularities: ["per-tensor"],
  byteLength: ({ outFeatures, inFeatures }) => quarterOf(outFeatures) * inFeatures,
  firstBadByte: (bytes) => firstCodeThree(bytes, bytes),

  packTrits(trits, { outFeatures, inFeatures }, bytes) {
    const stripes = wholeStripes(outFeatures, bytes.length);
    if (stripes) return packStripes(stripes, trits, bytes, 1);
    checkTrits(trits);
    const quarter = quarterOf(outFeatures);
    for (let n = 0; n < outFeatures; n++) {
      const shift = 2 * Math.floor(n / quarter);
      const to = (n % quarter) * inFeatures;
      for (let k = 0; k < inFeatures; k++) bytes[to + k] |= (trits[n * inFeatures + k] + 1) << shift;
    }
    return true;
  },

  unpackRows(bytes, { outFeatures, inFeatures }, first, count, trits) {
    const stripes = count === outFeatures ? wholeStripes(outFeatures, bytes.length) : undefined;
    if (stripes) return unpackStripes(stripes, bytes, trits, 1);
    const quarter = quarterOf(outFeatures);
    for (let row = 0; row < count; row++) {
      const n = first + row;
      const shift = 2 * Math.floor(n / quarter);
      const from = (n % quarter) * inFeatures;
      for (let k = 0; k < inFeatures; k++) trits[row * inFeatures + k] = ((bytes[from + k] >> shift) & 3) - 1;
    }
    return undefined;
  },
});

/** The matrix as one block of four stripes, its quarters, where they are equal and of whole words. */
function wholeStripes(outFeatures: number, byteLength: number): Stripes | undefined {
  if (outFeatures % 4 !== 0 || byteLength % 4 !== 0) return undefined;
  return { length: byteLength, order: [0, 1, 2, 3], together: 1, gap: 0 };
}
