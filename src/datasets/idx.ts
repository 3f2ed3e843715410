/**
 * The idx file format, in which MNIST is published: two zero bytes, a type code, the number of dimensions, the sizes as
 * big-endian 32-bit integers, then the values in row-major order. Only unsigned bytes (type 0x08) are read.
 */
import { FileError } from "../core/errors.ts";
import { elementCount, formatShape, type Shape } from "../core/shape.ts";
import { readDataFile, reasonOf } from "./data-directory.ts";

/** An array of bytes as an idx file holds it. */
export interface IdxArray {
  readonly shape: Shape;
  /** Row-major, over the memory of the parsed bytes. */
  readonly values: Uint8Array;
}

/** Largest idx file that `readIdx` takes, unpacked, unless told otherwise: 256 MiB. */
export const MAX_IDX_BYTE_LENGTH: number = 256 * 2 ** 20;

const UNSIGNED_BYTE = 0x08;
const MAX_RANK = 8;

/**
 * Parses the bytes of an unpacked idx file; `file` names it in errors.
 *
 * @throws FileError with the byte offset when the header is damaged, the type is not unsigned byte, a size is 0, or the
 *   sizes do not fit the length
 */
export function parseIdx(bytes: Uint8Array, file: string): IdxArray {
  if (bytes.length < 4) {
    throw new FileError(`expected an idx header of 4 bytes, got ${bytes.length}`, { file, offset: 0 });
  }
  if (bytes[0] !== 0 || bytes[1] !== 0) {
    throw new FileError("not an idx file: it must start with two zero bytes", { file, offset: 0 });
  }
  if (bytes[2] !== UNSIGNED_BYTE) {
    const code = bytes[2].toString(16).padStart(2, "0");
    throw new FileError(`expected unsigned bytes (type 0x08), got type 0x${code}`, { file, offset: 2 });
  }
  const rank = bytes[3];
  if (rank === 0 || rank > MAX_RANK) {
    throw new FileError(`expected 1 to ${MAX_RANK} dimensions, got ${rank}`, { file, offset: 3 });
  }
  const headerLength = 4 + 4 * rank;
  if (bytes.length < headerLength) {
    throw new FileError(`expected the ${rank} sizes up to byte ${headerLength}, got ${bytes.length} bytes`, {
      file,
      offset: bytes.length,
    });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, headerLength);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const empty = shape.indexOf(0);
  if (empty !== -1) {
    throw new FileError(`expected sizes of at least 1, got ${formatShape(shape)}`, { file, offset: 4 + 4 * empty });
  }
  const expected = elementCount(shape); // below 2^256: rounded when huge, and then far beyond any length
  const values = new Uint8Array(bytes.buffer, bytes.byteOffset + headerLength, bytes.length - headerLength);
  if (values.length !== expected) {
    throw new FileError(
      `shape ${formatShape(shape)} needs ${expected} bytes after the header, got ${values.length}; fetch the file again`,
      { file, offset: headerLength + Math.min(expected, values.length) },
    );
  }
  return { shape, values };
}

/**
 * Reads an idx file, gzipped or plain (told by its first bytes), of at most `maxByteLength` bytes unpacked. Node only.
 *
 * @throws FileError when it cannot be read, is larger, or is damaged
 */
export async function readIdx(path: string, maxByteLength: number = MAX_IDX_BYTE_LENGTH): Promise<IdxArray> {
  const bytes = await readDataFile(path, maxByteLength);
  const isGzipped = bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
  return parseIdx(isGzipped ? await unpackGzip(bytes, path, maxByteLength) : bytes, path);
}

async function unpackGzip(bytes: Uint8Array, file: string, maxByteLength: number): Promise<Uint8Array> {
  const { gunzip } = await import("node:zlib");
  const { promisify } = await import("node:util");
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: maxByteLength });
  } catch (cause) {
    const isTooLarge = cause instanceof RangeError; // what zlib throws beyond maxOutputLength
    const problem = isTooLarge
      ? `unpacks to more than ${maxByteLength} bytes`
      : `the gzip data is damaged (${reasonOf(cause)}); fetch the file again`;
    throw new FileError(problem, { file }, { cause });
  }
}
