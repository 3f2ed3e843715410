/** Rows of two-bit codes, four trits a byte one after the other: formats that differ in the codes and in their order. */
import { type ByteRuns, fetchTrits, firstCodeThree, viewOf, wordsOf } from "./byte-words.ts";
import { defineFormat } from "./define-format.ts";
import type { Format } from "./format.ts";
import { packNeighbours, unpackNeighbours } from "./trit-codes.ts";

const TRITS = 4;

const NOTHING_DONE = { count: 0, areTrits: true };

/** How a byte holds its four trits; code 3 stands for none. */
export interface TwoBitCodes {
  /** Codes of -1, 0 and +1. */
  readonly codes: readonly [number, number, number];
  /** Where the code of each of the four begins, counted from the lowest bit. */
  readonly shifts: readonly [number, number, number, number];
}

/** A format of rows that start on a byte of their own, tails padded with trit 0. */
export function twoBitRows(description: Pick<Format, "id" | "summary" | "granularities">, codes: TwoBitCodes): Format {
  const { pack, unpack } = twoBitTables(codes);
  const isPlain = codes.codes.every((code, i) => code === i) && codes.shifts.every((shift, i) => shift === 2 * i);
  const rowBytes = (inFeatures: number): number => Math.ceil(inFeatures / TRITS);
  return defineFormat({
    ...description,
    bitsPerWeight: 2,
    byteLength: ({ outFeatures, inFeatures }) => outFeatures * rowBytes(inFeatures),
    firstBadByte: (bytes) => firstCodeThree(bytes, bytes),

    packTrits(trits, { outFeatures, inFeatures }, bytes) {
      if (inFeatures % TRITS === 0) {
        const { count, areTrits } = isPlain ? packNeighbours(trits, bytes) : NOTHING_DONE;
        return packFours(trits.subarray(TRITS * count), bytes.subarray(count), pack) && areTrits;
      }
      let areTrits = true;
      const row = new Int8Array(rowBytes(inFeatures) * TRITS); // its tail stays 0
      for (let n = 0; n < outFeatures; n++) {
        row.set(trits.subarray(n * inFeatures, (n + 1) * inFeatures));
        const to = n * rowBytes(inFeatures);
        areTrits = packFours(row, bytes.subarray(to, to + rowBytes(inFeatures)), pack) && areTrits;
      }
      return areTrits;
    },

    unpackRows(bytes, { inFeatures }, first, count, trits) {
      const from = first * rowBytes(inFeatures);
      if (inFeatures % TRITS === 0) {
        const rows = bytes.subarray(from, from + count * rowBytes(inFeatures));
        const done = isPlain ? unpackNeighbours(rows, trits) : NOTHING_DONE;
        return unpackFours(rows.subarray(done.count), trits.subarray(TRITS * done.count), unpack) && done.areTrits;
      }
      let areTrits = true;
      const row = new Int8Array(rowBytes(inFeatures) * TRITS);
      for (let n = 0; n < count; n++) {
        const start = from + n * rowBytes(inFeatures);
        areTrits = unpackFours(bytes.subarray(start, start + rowBytes(inFeatures)), row, unpack) && areTrits;
        trits.set(row.subarray(0, inFeatures), n * inFeatures);
      }
      return areTrits;
    },
  });
}

/** Byte of the low two bits of four trits, with a bit beyond the byte where one of them is -2; word of four trits of a byte. */
export function twoBitTables({ codes, shifts }: TwoBitCodes): { pack: Uint16Array; unpack: Int32Array } {
  const fields = [3, 0, 1]; // the low two bits of -1, 0 and +1
  const pack = new Uint16Array(256).fill(NO_TRITS);
  const unpack = new Int32Array(256);
  for (let four = 0; four < 81; four++) {
    let [field, byte, word] = [0, 0, 0];
    for (let i = 0, rest = four; i < TRITS; i++, rest = Math.floor(rest / 3)) {
      field |= fields[rest % 3] << (2 * i);
      byte |= codes[rest % 3] << shifts[i];
      word |= (((rest % 3) - 1) & 0xff) << (8 * i);
    }
    pack[field] = byte;
    unpack[byte] = word;
  }
  return { pack, unpack };
}

const NO_TRITS = 0x100;

/** Bytes of one call: an engine compiles what is called often sooner and better than what loops long. */
const CHUNK = 1024;

/** Packs whole bytes, all or runs of them; `trits` may have more. @returns whether all were trits */
export function packFours(trits: Int8Array, bytes: Uint8Array, table: Uint16Array, runs: ByteRuns = bytes): boolean {
  const { from = 0, length, stride = bytes.length } = runs;
  const view = viewOf(trits);
  const out = viewOf(bytes);
  let stray = 0;
  for (let start = from, first = 0; start < bytes.length; start += stride, first += length * TRITS) {
    for (let done = 0; done < length; done += CHUNK) {
      const count = Math.min(CHUNK, length - done);
      const words = count - (count % 4);
      const at = first + done * TRITS;
      const to = start + done;
      stray |= fetchTrits(view, at, count * TRITS);
      stray |= packWords(view, at, out, to, words, table);
      for (let i = words; i < count; i++) {
        const four = view.getInt32(at + i * TRITS, true);
        const byte = table[Math.imul(four & 0x03030303, 0x01041040) >>> 24];
        stray |= ((four ^ (four << 1)) & 0xfcfcfcfc) | (byte & NO_TRITS);
        bytes[to + i] = byte;
      }
    }
  }
  return stray === 0;
}

/**
 * Packs four bytes at a time, because the loop itself takes as long as what it does: a word of trits has four in its bytes,
 * as -1, 0 and +1. Multiplied with 2²⁴ + 2¹⁸ + 2¹² + 2⁶, their low two bits meet in the top byte: no two products share a
 * bit. Written out, because not every engine inlines what it calls here.
 *
 * @returns 0 where all were trits
 */
function packWords(
  trits: DataView,
  first: number,
  bytes: DataView,
  from: number,
  count: number,
  table: Uint16Array,
): number {
  let stray = 0;
  for (let to = from, at = first, end = from + count; to < end; at += 16, to += 4) {
    const a = trits.getInt32(at, true);
    const b = trits.getInt32(at + 4, true);
    const c = trits.getInt32(at + 8, true);
    const d = trits.getInt32(at + 12, true);
    // Bits 1 to 7 of a trit are equal, so bits 2 to 7 of a byte xor its double are 0; that leaves -2, for the table.
    stray |= ((a ^ (a << 1)) | (b ^ (b << 1)) | (c ^ (c << 1)) | (d ^ (d << 1))) & 0xfcfcfcfc;
    const byteA = table[Math.imul(a & 0x03030303, 0x01041040) >>> 24];
    const byteB = table[Math.imul(b & 0x03030303, 0x01041040) >>> 24];
    const byteC = table[Math.imul(c & 0x03030303, 0x01041040) >>> 24];
    const byteD = table[Math.imul(d & 0x03030303, 0x01041040) >>> 24];
    stray |= (byteA | byteB | byteC | byteD) & NO_TRITS;
    bytes.setInt32(to, byteA | (byteB << 8) | (byteC << 16) | (byteD << 24), true);
  }
  return stray;
}

/**
 * Unpacks the four trits of every byte, of all or of runs, into words of `trits`, which may have more.
 *
 * @returns whether no byte held a code 3
 */
export function unpackFours(bytes: Uint8Array, trits: Int8Array, table: Int32Array, runs: ByteRuns = bytes): boolean {
  const { from = 0, length, stride = bytes.length } = runs;
  const view = viewOf(bytes);
  const out = wordsOf(trits);
  let stray = 0;
  for (let start = from, first = 0; start < bytes.length; start += stride, first += length) {
    for (let done = 0; done < length; done += CHUNK) {
      const count = Math.min(CHUNK, length - done);
      const words = count - (count % 4);
      const at = start + done;
      const to = first + done;
      stray |= unpackWords(view, at, out, to, words, table);
      for (let i = words; i < count; i++) {
        stray |= bytes[at + i] & (bytes[at + i] >>> 1);
        out[to + i] = table[bytes[at + i]];
      }
    }
  }
  return (stray & 0x55555555) === 0;
}

/** Unpacks whole words of four bytes. @returns 0 in every even bit where no byte held a code 3 */
function unpackWords(
  bytes: DataView,
  from: number,
  trits: Int32Array,
  first: number,
  count: number,
  table: Int32Array,
): number {
  let stray = 0;
  for (let at = from, to = first, end = from + count; at < end; at += 4, to += 4) {
    const word = bytes.getInt32(at, true);
    stray |= word & (word >>> 1);
    trits[to] = table[word & 0xff];
    trits[to + 1] = table[(word >>> 8) & 0xff];
    trits[to + 2] = table[(word >>> 16) & 0xff];
    trits[to + 3] = table[word >>> 24];
  }
  return stray;
}
