/** The weights of ONNX layers by rows of `[outFeatures, inFeatures]`, so that a large matrix is never in memory as a whole. */
import { FileError } from "../../core/errors.ts";
import { elementByteLengths } from "../element-types.ts";
import { decodeFloats } from "../element-values.ts";
import { shorten } from "../header-cursor.ts";
import type { OnnxReader } from "./reader.ts";
import type { OnnxTensor } from "./tensor-proto.ts";
import type { OnnxBlockWeight, OnnxWeight } from "./weights.ts";

/** Trits of rows of block weights, with their scales. */
export interface BlockTrits {
  /** `[rows, inFeatures]` */
  readonly trits: Int8Array;
  /** `[rows, blocks]` */
  readonly scales: Float32Array;
}

/** A block of rows: codes less their zero points, and their scales. */
interface BlockRows {
  /** `[rows, inFeatures]` */
  readonly codes: Int16Array;
  /** `[rows, blocks]` */
  readonly scales: Float32Array;
}

type Reader = Pick<OnnxReader, "read" | "file">;

/** Rows `[first, first + count)` of a layer's weights as float32. @throws FileError when the file cannot be read on */
export async function readOnnxRows(
  reader: Reader,
  weight: OnnxWeight | OnnxBlockWeight,
  first: number,
  count: number,
): Promise<Float32Array> {
  if (weight.kind === "float") return await readFloatRows(reader, weight, first, count);
  const { codes, scales } = await readBlockRows(reader, weight, first, count);
  const { inFeatures } = weight.matrix;
  const blocks = scales.length / count;
  return Float32Array.from(codes, (code, i) => {
    const row = Math.floor(i / inFeatures);
    return code * scales[row * blocks + Math.floor((i % inFeatures) / weight.blockSize)];
  });
}

/**
 * Rows of block weights as trits; undefined where a code is none.
 *
 * @throws FileError when the file cannot be read on
 */
export async function readOnnxTrits(
  reader: Reader,
  weight: OnnxBlockWeight,
  first: number,
  count: number,
): Promise<BlockTrits | undefined> {
  const { codes, scales } = await readBlockRows(reader, weight, first, count);
  return codes.every((code) => code >= -1 && code <= 1) ? { trits: Int8Array.from(codes), scales } : undefined;
}

async function readFloatRows(reader: Reader, weight: OnnxWeight, first: number, count: number): Promise<Float32Array> {
  const { tensor, isTransposed, matrix } = weight;
  const { outFeatures, inFeatures } = matrix;
  if (!isTransposed) return await readFloats(reader, tensor, first * inFeatures, count * inFeatures);
  const rows = new Float32Array(count * inFeatures);
  for (let k = 0; k < inFeatures; k++) {
    const column = await readFloats(reader, tensor, k * outFeatures + first, count);
    for (let row = 0; row < count; row++) rows[row * inFeatures + k] = column[row];
  }
  return rows;
}

async function readFloats(reader: Reader, tensor: OnnxTensor, begin: number, count: number): Promise<Float32Array> {
  const { name, dtype = "F32" } = tensor; // read() refuses what has no type here
  const size = elementByteLengths[dtype];
  return decodeFloats(await reader.read(name, begin * size, (begin + count) * size), dtype);
}

async function readBlockRows(
  reader: Reader,
  weight: OnnxBlockWeight,
  first: number,
  count: number,
): Promise<BlockRows> {
  const { tensor, matrix, bits, blockSize, scales: scaleTensor, zeroPoints } = weight;
  const { inFeatures } = matrix;
  const blocks = Math.ceil(inFeatures / blockSize);
  const rowBytes = (blocks * blockSize * bits) / 8;
  const zeroBytes = Math.ceil((blocks * bits) / 8);
  const packed = await reader.read(tensor.name, first * rowBytes, (first + count) * rowBytes);
  const scales = await readFloats(reader, scaleTensor, first * blocks, count * blocks);
  const zeros = zeroPoints && (await reader.read(zeroPoints.name, first * zeroBytes, (first + count) * zeroBytes));
  const codes = new Int16Array(count * inFeatures);
  for (let row = 0, at = 0; row < count; row++) {
    for (let k = 0; k < inFeatures; k++, at++) {
      const block = Math.floor(k / blockSize);
      const zero = zeros ? codeAt(zeros, row * zeroBytes, block, bits) : 2 ** (bits - 1);
      codes[at] = codeAt(packed, row * rowBytes, k, bits) - zero;
    }
  }
  const wrong = scales.findIndex((scale) => !Number.isFinite(scale));
  if (wrong < 0) return { codes, scales };
  const problem = `scale ${first * blocks + wrong} must be finite, got ${scales[wrong]}: the file is damaged`;
  throw new FileError(problem, { file: reader.file, tensor: shorten(scaleTensor.name) });
}

/** The code of an index, counted in codes of `bits` from byte `start` on, the first in the lowest bits. */
function codeAt(bytes: Uint8Array, start: number, index: number, bits: number): number {
  const at = index * bits;
  return (bytes[start + (at >> 3)] >> (at & 7)) & (2 ** bits - 1);
}
