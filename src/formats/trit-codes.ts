/**
 * Two-bit codes of large matrices, in WebAssembly: sixteen trits at a time, where plain loops take four. Formats ask it for
 * what is long enough and do the rest themselves; the bytes are the same.
 */

import { openSmallModule, type SmallModule } from "../core/wasm-module.ts";
import { base64 } from "./trit-codes-module.ts";
import type { Stripes } from "./two-bit-stripes.ts";

/** Bytes of a call, at most: with their trits they stay in the second cache. */
const CHUNK = 1 << 15;
/** Shorter work is done before the module is ready. */
const LEAST_BYTE_LENGTH = 1 << 14;
/** Bytes that a vector holds. */
const VECTOR = 16;

interface Codec {
  readonly bytes: Uint8Array;
  readonly trits: Int8Array;
  packFours(count: number): boolean;
  unpackFours(count: number): boolean;
  packStripes(stripes: Stripes, blocks: number): boolean;
  unpackStripes(stripes: Stripes, blocks: number): boolean;
}

/** What was done of the work, from its beginning on. */
export interface Done {
  /** Bytes, or blocks. */
  readonly count: number;
  /** Whether all of it were trits. */
  readonly areTrits: boolean;
}

const NOTHING: Done = { count: 0, areTrits: true };

let codec: Codec | null | undefined;

/** Packs codes trit + 1 of neighbours, the first in the low bits. @returns how many bytes are done */
export function packNeighbours(trits: Int8Array, bytes: Uint8Array): Done {
  const worker = codecFor(bytes.length);
  if (!worker) return NOTHING;
  return inChunks(wholeVectors(bytes), CHUNK, (first, count) => {
    worker.trits.set(trits.subarray(4 * first, 4 * (first + count)));
    const areTrits = worker.packFours(count);
    bytes.set(worker.bytes.subarray(0, count), first);
    return areTrits;
  });
}

/** Unpacks them. @returns how many bytes are done, and whether none held a code 3 */
export function unpackNeighbours(bytes: Uint8Array, trits: Int8Array): Done {
  const worker = codecFor(bytes.length);
  if (!worker) return NOTHING;
  return inChunks(wholeVectors(bytes), CHUNK, (first, count) => {
    worker.bytes.set(bytes.subarray(first, first + count));
    const areTrits = worker.unpackFours(count);
    trits.set(worker.trits.subarray(0, 4 * count), 4 * first);
    return areTrits;
  });
}

/** Packs stripes. @returns how many blocks are done; what lies in the gaps is set to 0 */
export function packWholeStripes(stripes: Stripes, trits: Int8Array, bytes: Uint8Array, blocks: number): Done {
  const worker = codecForStripes(stripes, blocks);
  if (!worker) return NOTHING;
  const block = 4 * stripes.length;
  return inChunks(blocks - (blocks % stripes.together), blocksOfChunk(stripes), (first, count) => {
    worker.trits.set(trits.subarray(block * first, block * (first + count)));
    worker.bytes.fill(0); // the gaps, which hold what was there before
    const areTrits = worker.packStripes(stripes, count);
    bytes.set(worker.bytes.subarray(0, byteLengthOf(stripes, count)), byteLengthOf(stripes, first));
    return areTrits;
  });
}

/** Unpacks stripes. @returns how many blocks are done, and whether no byte of them held a code 3 */
export function unpackWholeStripes(stripes: Stripes, bytes: Uint8Array, trits: Int8Array, blocks: number): Done {
  const worker = codecForStripes(stripes, blocks);
  if (!worker) return NOTHING;
  const block = 4 * stripes.length;
  return inChunks(blocks - (blocks % stripes.together), blocksOfChunk(stripes), (first, count) => {
    worker.bytes.set(bytes.subarray(byteLengthOf(stripes, first), byteLengthOf(stripes, first + count)));
    const areTrits = worker.unpackStripes(stripes, count);
    trits.set(worker.trits.subarray(0, block * count), block * first);
    return areTrits;
  });
}

/** Does `count` bytes or blocks, `step` at a time; `chunk` says whether all of its own were trits. */
function inChunks(count: number, step: number, chunk: (first: number, count: number) => boolean): Done {
  let areTrits = true;
  for (let first = 0; first < count; first += step) {
    areTrits = chunk(first, Math.min(step, count - first)) && areTrits;
  }
  return { count, areTrits };
}

function wholeVectors({ length }: Uint8Array): number {
  return length - (length % VECTOR);
}

/** Bytes of so many blocks, a multiple of those together, with their gaps. */
function byteLengthOf({ length, together, gap }: Stripes, blocks: number): number {
  return blocks * length + (blocks / together) * gap;
}

/** Blocks that a call takes, a multiple of those together; 0 where they are too long. */
function blocksOfChunk(stripes: Stripes): number {
  const { together } = stripes;
  return Math.floor(CHUNK / byteLengthOf(stripes, together)) * together;
}

function codecForStripes(stripes: Stripes, blocks: number): Codec | null {
  const fits = stripes.length % VECTOR === 0 && blocksOfChunk(stripes) > 0;
  return fits ? codecFor(blocks * stripes.length) : null;
}

function codecFor(byteLength: number): Codec | null {
  if (byteLength < LEAST_BYTE_LENGTH) return null;
  codec ??= openCodec();
  return codec;
}

/** The numbers are addresses, and what the name says. */
interface Exports {
  packFours(trits: number, bytes: number, count: number): number;
  unpackFours(bytes: number, trits: number, count: number): number;
  packStripes(trits: number, bytes: number, blocks: number, ...stripes: number[]): number;
  unpackStripes(bytes: number, trits: number, blocks: number, ...stripes: number[]): number;
}

function openCodec(): Codec | null {
  const module = openModule();
  if (module === null) return null;
  const { exports, buffer, start: from } = module;
  const to = from + CHUNK;
  return {
    bytes: new Uint8Array(buffer, from, CHUNK),
    trits: new Int8Array(buffer, to, 4 * CHUNK),
    packFours: (count) => exports.packFours(to, from, count) !== 0,
    unpackFours: (count) => exports.unpackFours(from, to, count) !== 0,
    packStripes: (stripes, blocks) => exports.packStripes(to, from, blocks, ...numbersOf(stripes)) !== 0,
    unpackStripes: (stripes, blocks) => exports.unpackStripes(from, to, blocks, ...numbersOf(stripes)) !== 0,
  };
}

/** Null where pages may not compile code, and in engines without vectors: there the loops of the formats do all. */
function openModule(): SmallModule<Exports> | null {
  if (typeof WebAssembly === "undefined") return null;
  try {
    return openSmallModule<Exports>(base64, 5 * CHUNK);
  } catch (error) {
    if (error instanceof WebAssembly.CompileError || error instanceof EvalError) return null;
    throw error;
  }
}

function numbersOf({ order, length, together, gap }: Stripes): number[] {
  return [order.reduce((packed, stripe, i) => packed | (stripe << (8 * i)), 0), length, together, gap];
}
