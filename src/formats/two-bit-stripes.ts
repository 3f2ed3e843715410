/** Two-bit codes t + 1 in stripes: the four trits of a byte are a stripe apart, not neighbours. */
import { fetchTrits, viewOf, wordsOf } from "./byte-words.ts";
import { packWholeStripes, unpackWholeStripes } from "./trit-codes.ts";

/** A block of four stripes: byte p holds element p of each. */
export interface Stripes {
  /** Bytes of a block, and elements of a stripe: a multiple of four. */
  readonly length: number;
  /** Which stripe has the lowest two bits, which the next. */
  readonly order: readonly [number, number, number, number];
  /** How many blocks follow each other without a gap: 1, 2, 4, ... or 32. */
  readonly together: number;
  /** Bytes left out after them. */
  readonly gap: number;
}

/** Most bytes of a block, and most blocks, of one call: what is called often is compiled sooner than what loops long. */
const CHUNK = 1024;
const BATCH = 32;

/** Packs blocks one after the other, into zeros. @returns whether all were trits */
export function packStripes(stripes: Stripes, trits: Int8Array, bytes: Uint8Array, blocks: number): boolean {
  const { length, together, gap } = stripes;
  const view = viewOf(trits);
  const out = viewOf(bytes);
  const done = packWholeStripes(stripes, trits, bytes, blocks);
  let stray = 0;
  for (let block = done.count; block < blocks; block += BATCH) {
    const at = block * length + (block / together) * gap;
    const count = Math.min(BATCH, blocks - block);
    for (let p = 0; p < length; p += CHUNK) {
      const chunk = Math.min(CHUNK, length - p);
      if (chunk === length) stray |= fetchTrits(view, block * 4 * length, count * 4 * length);
      else for (let i = 0; i < 4; i++) stray |= fetchTrits(view, (block * 4 + i) * length + p, chunk);
      stray |= packBlocks(view, block * 4 * length + p, out, at + p, chunk, count, stripes);
    }
  }
  return stray === 0 && done.areTrits;
}

/** Unpacks blocks one after the other into words of `trits`. @returns whether no byte held a code 3 */
export function unpackStripes(stripes: Stripes, bytes: Uint8Array, trits: Int8Array, blocks: number): boolean {
  const { length, together, gap } = stripes;
  const view = viewOf(bytes);
  const out = wordsOf(trits);
  const done = unpackWholeStripes(stripes, bytes, trits, blocks);
  let stray = 0;
  for (let block = done.count; block < blocks; block += BATCH) {
    const at = block * length + (block / together) * gap;
    const count = Math.min(BATCH, blocks - block);
    for (let p = 0; p < length; p += CHUNK) {
      const chunk = Math.min(CHUNK, length - p);
      stray |= unpackBlocks(view, at + p, out, block * length + p / 4, chunk, count, stripes);
    }
  }
  return stray === 0 && done.areTrits;
}

/**
 * Packs four trits of each stripe at a time: a word of trits has four in its bytes, as -1, 0 and +1, whose low two bits are
 * 11, 00 and 01. Written out, because not every engine inlines what it calls here.
 *
 * @returns 0 where all were trits
 */
function packBlocks(
  trits: DataView,
  from: number,
  bytes: DataView,
  to: number,
  chunk: number,
  blocks: number,
  { length, order, together, gap }: Stripes,
): number {
  const second = (order[1] - order[0]) * length;
  const third = (order[2] - order[0]) * length;
  const fourth = (order[3] - order[0]) * length;
  let stray = 0;
  let at = to;
  let first = from + order[0] * length;
  for (let block = 1; block <= blocks; block++) {
    for (const end = at + chunk; at < end; first += 4, at += 4) {
      const a = trits.getInt32(first, true);
      const b = trits.getInt32(first + second, true);
      const c = trits.getInt32(first + third, true);
      const d = trits.getInt32(first + fourth, true);
      // Bits 1 to 7 of a trit are equal, so bits 2 to 7 of a byte xor its double are 0; that leaves -2, which is 10.
      stray |= ((a ^ (a << 1)) | (b ^ (b << 1)) | (c ^ (c << 1)) | (d ^ (d << 1))) & 0xfcfcfcfc;
      const fields = (a & 0x03030303) | ((b & 0x03030303) << 2) | ((c & 0x03030303) << 4) | ((d & 0x03030303) << 6);
      const odd = fields & 0x55555555;
      stray |= fields & ~(odd << 1) & 0xaaaaaaaa;
      bytes.setInt32(at, fields ^ 0x55555555 ^ (odd << 1), true); // 11 → 00, 00 → 01, 01 → 10
    }
    at += length - chunk + ((block & (together - 1)) === 0 ? gap : 0);
    first += 4 * length - chunk;
  }
  return stray;
}

/**
 * Unpacks four trits of each stripe at a time. A code plus 127 is 127, 128 or 129, which never carries into the next byte and
 * is trit + 128.
 *
 * @param to index of a word
 * @returns 0 where no byte held a code 3
 */
function unpackBlocks(
  bytes: DataView,
  from: number,
  trits: Int32Array,
  to: number,
  chunk: number,
  blocks: number,
  { length, order, together, gap }: Stripes,
): number {
  const words = length / 4;
  const second = (order[1] - order[0]) * words;
  const third = (order[2] - order[0]) * words;
  const fourth = (order[3] - order[0]) * words;
  let stray = 0;
  let at = from;
  let first = to + order[0] * words;
  for (let block = 1; block <= blocks; block++) {
    for (const end = at + chunk; at < end; first++, at += 4) {
      const codes = bytes.getInt32(at, true);
      stray |= codes & (codes >>> 1);
      trits[first] = ((codes & 0x03030303) + 0x7f7f7f7f) ^ 0x80808080;
      trits[first + second] = (((codes >>> 2) & 0x03030303) + 0x7f7f7f7f) ^ 0x80808080;
      trits[first + third] = (((codes >>> 4) & 0x03030303) + 0x7f7f7f7f) ^ 0x80808080;
      trits[first + fourth] = (((codes >>> 6) & 0x03030303) + 0x7f7f7f7f) ^ 0x80808080;
    }
    at += length - chunk + ((block & (together - 1)) === 0 ? gap : 0);
    first += 4 * words - chunk / 4;
  }
  return stray & 0x55555555;
}
