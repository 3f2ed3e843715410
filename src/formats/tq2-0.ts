/**
 * TQ2_0 of ggml: 256 weights in 66 bytes, codes trit + 1, code 3 does not occur. Byte m of the first 32 holds the weights m,
 * 32 + m, 64 + m and 96 + m, the first in the low bits; the next 32 bytes hold the weights from 128 on alike; then the scale.
 */

import { firstCodeThree } from "./byte-words.ts";
import type { Format } from "./format.ts";
import { scaleBlocks } from "./scale-blocks.ts";
import { packStripes, type Stripes, unpackStripes } from "./two-bit-stripes.ts";

const TRITS = 256;
const CODE_BYTES = 64;
const BLOCK_BYTES = CODE_BYTES + 2;
const stripes: Stripes = { length: 32, order: [0, 1, 2, 3], together: 2, gap: BLOCK_BYTES - CODE_BYTES };

/** 2.06 bits per weight, for llama.cpp; the faster of its ternary types. */
export const tq2_0: Format = scaleBlocks({
  id: "tq2_0",
  summary: "ggml: 2 bits, a scale for every 256 weights",
  bitsPerWeight: 2,
  groupSize: TRITS,
  blockBytes: BLOCK_BYTES,
  scaleOffset: CODE_BYTES,
  pack: (trits, bytes) => packStripes(stripes, trits, bytes, trits.length / 128),
  firstBadByte: (bytes) => firstCodeThree(bytes, { length: CODE_BYTES, stride: BLOCK_BYTES }),
  unpack: (bytes, trits) => unpackStripes(stripes, bytes, trits, trits.length / 128),
});
