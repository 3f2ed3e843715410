/**
 * Blocks of ggml's types of real numbers as floats. A block begins or ends with float16 factors; integers of few bits are
 * multiplied by them. All products here are exact in float64, and all sums round once, when they are stored as float32: so
 * the values are the ones that ggml's own float32 arithmetic gives, with or without fused multiply-adds.
 */
import { ShapeError, UnsupportedError } from "../../core/errors.ts";
import type { ElementType } from "../element-types.ts";
import { decodeElements } from "../element-values.ts";
import { ggufTypes } from "./block-types.ts";
import { float16At } from "./float16.ts";
import { decodeQ2K, decodeQ3K, decodeQ4K, decodeQ5K, decodeQ6K } from "./k-blocks.ts";

/** Writes the floats of the block at byte `at` to `floats`, from index `to` on. */
export type BlockDecoder = (bytes: Uint8Array, at: number, floats: Float32Array, to: number) => void;

const elementTypes: ReadonlyMap<number, ElementType> = new Map([
  [0, "F32"],
  [1, "F16"],
  [28, "F64"],
  [30, "BF16"],
]);

const decoders: ReadonlyMap<number, BlockDecoder> = new Map([
  [2, decodeQ40],
  [3, decodeQ41],
  [6, decodeQ50],
  [7, decodeQ51],
  [8, decodeQ80],
  [10, decodeQ2K],
  [11, decodeQ3K],
  [12, decodeQ4K],
  [13, decodeQ5K],
  [14, decodeQ6K],
]);

const readable = ggufTypes.filter(({ id }) => elementTypes.has(id) || decoders.has(id)).map(({ name }) => name);

/** The names of all types that `ggufFloats` reads. */
export const ggufFloatTypeNames: readonly string[] = readable;

/**
 * Whole blocks of a type that holds real numbers, as floats; ternary types are read by `formats`.
 *
 * @param type id of the type
 * @throws ShapeError when the bytes are no whole blocks
 * @throws UnsupportedError for all other types
 */
export function ggufFloats(bytes: Uint8Array, type: number): Float32Array {
  const found = ggufTypes.find(({ id, name }) => id === type && readable.includes(name));
  if (found === undefined) {
    const name = ggufTypes.find(({ id }) => id === type)?.name ?? "unknown";
    throw new UnsupportedError(`type ${type} (${name}) is not read as floats; read are ${readable.join(", ")}`);
  }
  const { blockElements, blockByteLength, name } = found;
  if (bytes.length % blockByteLength !== 0) {
    throw new ShapeError(`${name} comes in blocks of ${blockByteLength} bytes, got ${bytes.length} bytes`);
  }
  const elementType = elementTypes.get(type);
  if (elementType !== undefined) {
    const values = decodeElements(elementType, bytes);
    return values instanceof Float32Array ? values : new Float32Array(values as Float64Array);
  }
  const decode = decoders.get(type) as BlockDecoder;
  const floats = new Float32Array((bytes.length / blockByteLength) * blockElements);
  for (let at = 0, to = 0; at < bytes.length; at += blockByteLength, to += blockElements) decode(bytes, at, floats, to);
  return floats;
}

/** Q4_0: scale, 16 bytes; the low halves are elements 0 to 15, the high ones 16 to 31. */
function decodeQ40(bytes: Uint8Array, at: number, floats: Float32Array, to: number): void {
  const scale = float16At(bytes, at);
  for (let i = 0; i < 16; i++) {
    const pair = bytes[at + 2 + i];
    floats[to + i] = scale * ((pair & 15) - 8);
    floats[to + i + 16] = scale * ((pair >> 4) - 8);
  }
}

/** Q4_1: scale, least value, then as Q4_0. */
function decodeQ41(bytes: Uint8Array, at: number, floats: Float32Array, to: number): void {
  const scale = float16At(bytes, at);
  const least = float16At(bytes, at + 2);
  for (let i = 0; i < 16; i++) {
    const pair = bytes[at + 4 + i];
    floats[to + i] = scale * (pair & 15) + least;
    floats[to + i + 16] = scale * (pair >> 4) + least;
  }
}

/** Q5_0: scale, 32 fifth bits, then as Q4_0. */
function decodeQ50(bytes: Uint8Array, at: number, floats: Float32Array, to: number): void {
  const scale = float16At(bytes, at);
  for (let i = 0; i < 16; i++) {
    const pair = bytes[at + 6 + i];
    floats[to + i] = scale * ((pair & 15) + 16 * bitAt(bytes, at + 2, i) - 16);
    floats[to + i + 16] = scale * ((pair >> 4) + 16 * bitAt(bytes, at + 2, i + 16) - 16);
  }
}

/** Q5_1: scale, least value, 32 fifth bits, then as Q4_0. */
function decodeQ51(bytes: Uint8Array, at: number, floats: Float32Array, to: number): void {
  const scale = float16At(bytes, at);
  const least = float16At(bytes, at + 2);
  for (let i = 0; i < 16; i++) {
    const pair = bytes[at + 8 + i];
    floats[to + i] = scale * ((pair & 15) + 16 * bitAt(bytes, at + 4, i)) + least;
    floats[to + i + 16] = scale * ((pair >> 4) + 16 * bitAt(bytes, at + 4, i + 16)) + least;
  }
}

/** Q8_0: scale, 32 signed bytes. */
function decodeQ80(bytes: Uint8Array, at: number, floats: Float32Array, to: number): void {
  const scale = float16At(bytes, at);
  for (let i = 0; i < 32; i++) floats[to + i] = scale * ((bytes[at + 2 + i] << 24) >> 24);
}

function bitAt(bytes: Uint8Array, at: number, bit: number): number {
  return (bytes[at + (bit >> 3)] >> (bit & 7)) & 1;
}
