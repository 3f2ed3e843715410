/** Tensors on their way into a safetensors file, in chunks. */

import { UnsupportedError } from "../core/errors.ts";
import { elementCount } from "../core/shape.ts";
import { elementByteLengths } from "../files/element-types.ts";
import { encodeFloats, type StoredTensor } from "../files/index.ts";
import type { StoredBytes } from "./checkpoints/checkpoint.ts";
import { rowBlocks } from "./row-blocks.ts";
import type { FloatContent, KeptContent, TargetTensor } from "./targets/target.ts";

/** A tensor of a safetensors file with its bytes to come. */
export type StreamedTensor = StoredTensor & { chunks(): AsyncIterable<Uint8Array> };

const CHUNK_BYTES = 2 ** 24;

/** A tensor kept byte for byte. */
export function keptStream(
  { name, shape }: Pick<TargetTensor, "name" | "shape">,
  { stored }: KeptContent,
): StreamedTensor {
  const { elementType: dtype, byteLength } = stored;
  if (dtype === undefined) throw new UnsupportedError(`${name} is of a type that safetensors files do not have`);
  return { name, dtype, shape, byteLength, chunks: () => storedChunks(stored) };
}

/** The bytes of a tensor in chunks. */
export async function* storedChunks({ byteLength, read }: StoredBytes): AsyncGenerator<Uint8Array> {
  for (let begin = 0; begin < byteLength; begin += CHUNK_BYTES) {
    yield await read(begin, Math.min(begin + CHUNK_BYTES, byteLength));
  }
}

/** Real numbers as float32. */
export function floatStream(
  { name, shape }: Pick<TargetTensor, "name" | "shape">,
  content: FloatContent,
): StreamedTensor {
  const byteLength = elementCount(shape) * elementByteLengths.F32;
  return { name, dtype: "F32", shape, byteLength, chunks: () => floatChunks(content) };
}

/** The float32 bytes of a matrix in chunks. */
export async function* floatChunks({ matrix, readRows }: FloatContent): AsyncGenerator<Uint8Array> {
  for (const { first, count } of rowBlocks(matrix)) yield encodeFloats(await readRows(first, count), "F32");
}
