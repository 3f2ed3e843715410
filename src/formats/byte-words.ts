/**
 * Bytes four at a time, little-endian throughout, as every machine with these engines is: a DataView takes any alignment, and
 * an Int32Array, which costs less to write, words at multiples of four bytes.
 */

/** A view of all of an array's bytes. */
export function viewOf({ buffer, byteOffset, byteLength }: ArrayBufferView): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** The whole words of trits that begin at a multiple of four bytes of their buffer. */
export function wordsOf({ buffer, byteOffset, byteLength }: Int8Array): Int32Array {
  return new Int32Array(buffer, byteOffset, byteLength >> 2);
}

/** Runs of bytes: where the first begins, how long each is, and how far it is from one to the next. */
export interface ByteRuns {
  readonly from?: number;
  readonly length: number;
  readonly stride?: number;
}

/** Index of the first byte with a two-bit code 3, in runs up to the end; -1 where there is none. */
export function firstCodeThree(bytes: Uint8Array, { from = 0, length, stride = bytes.length }: ByteRuns): number {
  const view = viewOf(bytes);
  for (let start = from; start < bytes.length; start += stride) {
    const end = Math.min(start + length, bytes.length);
    let at = start;
    for (; at + 4 <= end; at += 4) {
      const word = view.getInt32(at, true);
      if ((word & (word >>> 1) & 0x55555555) !== 0) break;
    }
    for (; at < end; at++) if ((bytes[at] & (bytes[at] >>> 1) & 0x55) !== 0) return at;
  }
  return -1;
}

const CACHE_LINE = 64;

/**
 * Looks at one word of every cache line of trits that are about to be packed. Loads that nothing waits for are under way
 * together, where a loop that works on every word waits for one line after the other: packing from main memory takes half
 * as long with this first.
 *
 * @returns 0 where the words may hold trits; to be used, because an engine leaves out loads that nobody asks for
 */
export function fetchTrits(trits: DataView, from: number, length: number): number {
  let stray = 0;
  for (let i = from; i + 4 <= from + length; i += CACHE_LINE) {
    const word = trits.getInt32(i, true);
    stray |= (word ^ (word << 1)) & 0xfcfcfcfc; // bits 1 to 7 of a trit are equal
  }
  return stray;
}
