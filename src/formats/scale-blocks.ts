/** Rows of blocks, each with a float16 scale among its bytes: the ternary types of ggml. */
import { defineFormat, type Layout } from "./define-format.ts";
import type { Format } from "./format.ts";

/** One type of block. */
export interface ScaleBlock
  extends Pick<Layout, "id" | "summary" | "bitsPerWeight" | "badByteMeaning" | "explainLength"> {
  /** Weights of a block: rows are whole blocks. */
  readonly groupSize: number;
  readonly blockBytes: number;
  /** Offset of the scale in a block. */
  readonly scaleOffset: number;
  /** Packs blocks one after the other into zeros. @returns whether all were trits */
  pack(trits: Int8Array, bytes: Uint8Array): boolean;
  /** Index of the first byte of all blocks that stands for no trits; -1 where there is none. */
  firstBadByte(bytes: Uint8Array): number;
  /** Unpacks blocks one after the other. @returns whether all bytes stood for trits; undefined where it did not look */
  unpack(bytes: Uint8Array, trits: Int8Array): boolean | undefined;
}

/** A format of rows that are whole blocks, without padding. */
export function scaleBlocks(block: ScaleBlock): Format {
  const { groupSize, blockBytes, scaleOffset, pack, unpack, ...description } = block;
  return defineFormat({
    ...description,
    groupSize,
    granularities: ["per-group"],
    insideScales: { type: "float16", offsetOf: (index) => index * blockBytes + scaleOffset },

    limit({ inFeatures }) {
      if (inFeatures % groupSize === 0) return undefined;
      return `stores rows in blocks of ${groupSize} weights, so inFeatures must be a multiple of ${groupSize}, got ${inFeatures}: pad the layer's inputs, or choose a format that takes any size`;
    },

    byteLength: ({ outFeatures, inFeatures }) => ((outFeatures * inFeatures) / groupSize) * blockBytes,
    packTrits: (trits, _, bytes) => pack(trits, bytes),

    unpackRows(bytes, { inFeatures }, first, count, trits) {
      const rowBytes = (inFeatures / groupSize) * blockBytes;
      return unpack(bytes.subarray(first * rowBytes, (first + count) * rowBytes), trits);
    },
  });
}
