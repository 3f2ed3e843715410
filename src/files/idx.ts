/**
 * The idx file format, in which MNIST is published: two zero bytes, a type code, the number of dimensions, the sizes as
 * big-endian 32-bit integers, then the values in row-major order. Only unsigned bytes (type 0x08) are read.
 */
import { FileError } from "../core/errors.ts";
import { elementCount, formatShape, type Shape } from "../core/shape.ts";
import { isGzip, unpackGzip } from "./gzip.ts";
import { type ByteSource, readBytes } from "./source.ts";

/** An array of bytes as an idx file holds it. */
export interface IdxArray {
  readonly shape: Shape;
  /** Row-major, over the memory of the parsed bytes. */
  readonly values: Uint8Array;
}

/** Largest idx file that is taken, unpacked, unless told otherwise. */
const MAX_IDX_BYTE_LENGTH = 256 * 2 ** 20;

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
 * Unpacks, where they are gzipped, and parses the bytes of an idx file of at most `maxByteLength` bytes unpacked.
 *
 * @throws FileError when they are more, or damaged
 */
export async function unpackIdx(
  bytes: Uint8Array,
  file: string,
  maxByteLength: number = MAX_IDX_BYTE_LENGTH,
): Promise<IdxArray> {
  if (isGzip(bytes)) return parseIdx(await unpackGzip(bytes, file, maxByteLength), file);
  if (bytes.length > maxByteLength) {
    throw new FileError(`at most ${maxByteLength} bytes allowed, got ${bytes.length}`, { file });
  }
  return parseIdx(bytes, file);
}

/**
 * Reads an idx file, gzipped or plain (told by its first bytes), of at most `maxByteLength` bytes unpacked.
 *
 * @throws FileError when it cannot be read, is larger, or is damaged
 * @throws UnsupportedError when the source is of a kind that cannot be read here
 */
export async function readIdx(source: ByteSource, maxByteLength: number = MAX_IDX_BYTE_LENGTH): Promise<IdxArray> {
  const { bytes, file } = await readBytes(source, { maxByteLength });
  return await unpackIdx(bytes, file, maxByteLength);
}
