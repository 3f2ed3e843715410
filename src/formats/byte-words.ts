/** Bytes four at a time, little-endian throughout: a DataView takes any alignment. */

/** A view of all of an array's bytes. */
export function viewOf({ buffer, byteOffset, byteLength }: ArrayBufferView): DataView {
  return new DataView(buffer, byteOffset, byteLength);
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
