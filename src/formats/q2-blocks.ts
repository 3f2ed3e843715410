/** Q2_0 of ggml, and its variant with larger blocks: a scale, then codes trit + 1, four a byte, the first in the low bits. */

import { type ByteRuns, firstCodeThree } from "./byte-words.ts";
import type { Format } from "./format.ts";
import { scaleBlocks } from "./scale-blocks.ts";
import { packFours, twoBitTables, unpackFours } from "./two-bit-rows.ts";

const SCALE_BYTES = 2;
const tables = twoBitTables({ codes: [0, 1, 2], shifts: [0, 2, 4, 6] });

/** Bytes of a block of so many weights. */
const blockBytesOf = (groupSize: number): number => SCALE_BYTES + groupSize / 4;

/**
 * Q2_0 in blocks of a size. Both sizes have one name and one type number in files, so a length that fits the other size is
 * told, and not taken.
 */
export function q2Blocks(
  description: Pick<Format, "id" | "summary">,
  groupSize: number,
  other: { id: string; groupSize: number },
): Format {
  const blockBytes = blockBytesOf(groupSize);
  const codes: ByteRuns = { from: SCALE_BYTES, length: groupSize / 4, stride: blockBytes };
  return scaleBlocks({
    ...description,
    bitsPerWeight: 2,
    groupSize,
    blockBytes,
    scaleOffset: 0,
    badByteMeaning: "its code 3 is a weight of +2, so these weights are not ternary",

    explainLength(byteLength, { outFeatures, inFeatures }) {
      const isOther = byteLength === ((outFeatures * inFeatures) / other.groupSize) * blockBytesOf(other.groupSize);
      return isOther
        ? `that is its variant with blocks of ${other.groupSize} weights: read it as ${other.id}`
        : undefined;
    },

    pack: (trits, bytes) => packFours(trits, bytes, tables.pack, codes),
    firstBadByte: (bytes) => firstCodeThree(bytes, codes),
    unpack: (bytes, trits) => unpackFours(bytes, trits, tables.unpack, codes),
  });
}
