/**
 * I2_S of bitnet.cpp: codes trit + 1, in blocks of 128 weights of the matrix as one row after the other. Byte p of a block's
 * 32 holds the weights p, 32 + p, 64 + p and 96 + p, the first in the high bits; code 3 does not occur. Behind the N · K / 4
 * bytes stand 32 more: the scale as float32, and what is not read (zeros here; the official file repeats the scale).
 *
 * Blocks straddle rows where K is not a multiple of 128. The format holds that; the kernels of bitnet.cpp do not.
 */

import { firstCodeThree } from "./byte-words.ts";
import { defineFormat } from "./define-format.ts";
import type { Format } from "./format.ts";
import { packStripes, type Stripes, unpackStripes } from "./two-bit-stripes.ts";

const BLOCK = 128;
const TAIL_BYTES = 32;
const stripes: Stripes = { length: 32, order: [3, 2, 1, 0], together: 32, gap: 0 };

/** 2 bits per weight and one scale, for bitnet.cpp. */
export const i2S: Format = defineFormat({
  id: "i2_s",
  summary: "bitnet.cpp: 2 bits, one scale",
  bitsPerWeight: 2,
  granularities: ["per-tensor"],
  insideScales: { type: "float32", offsetOf: (_, { outFeatures, inFeatures }) => (outFeatures * inFeatures) / 4 },

  limit({ outFeatures, inFeatures }) {
    if ((outFeatures * inFeatures) % BLOCK === 0) return undefined;
    return `stores blocks of ${BLOCK} weights, so outFeatures x inFeatures must be a multiple of ${BLOCK}, got ${outFeatures} x ${inFeatures}: pad the layer, or choose a format that takes any size`;
  },

  byteLength: ({ outFeatures, inFeatures }) => (outFeatures * inFeatures) / 4 + TAIL_BYTES,
  firstBadByte: (bytes) => firstCodeThree(bytes, { length: bytes.length - TAIL_BYTES }),
  packTrits: (trits, _, bytes) => packStripes(stripes, trits, bytes, trits.length / BLOCK),

  unpackRows(bytes, { inFeatures }, first, _, trits) {
    const begin = first * inFeatures;
    const firstBlock = Math.floor(begin / BLOCK);
    const blocks = Math.ceil((begin + trits.length) / BLOCK) - firstBlock;
    const isWhole = blocks * BLOCK === trits.length;
    const whole = isWhole ? trits : new Int8Array(blocks * BLOCK);
    const areTrits = unpackStripes(stripes, bytes.subarray(firstBlock * stripes.length), whole, blocks);
    const skipped = begin - firstBlock * BLOCK;
    if (!isWhole) trits.set(whole.subarray(skipped, skipped + trits.length));
    return areTrits;
  },
});
