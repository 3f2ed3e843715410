/** Safetensors files: a JSON header and the bytes of its tensors, one after the other, little-endian, row-major. */
import { FileError, ShapeError, UsageError } from "../core/errors.ts";
import { checkSize, formatShape } from "../core/shape.ts";
import { arrayByteLength, type ElementType, elementByteLengths, isElementType } from "./element-types.ts";
import { decodeElements, encodeElements } from "./element-values.ts";
import { shorten } from "./header-cursor.ts";
import {
  HEADER_PREFIX_BYTES,
  type HeaderEntry,
  MAX_HEADER_BYTES,
  METADATA_KEY,
  readSafetensorsHeader,
} from "./safetensors-header.ts";
import { excerpt, isWellFormed } from "./utf8.ts";

/** One tensor of a file. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: ElementType;
  /** Sizes, outermost first; `[]` is a scalar. */
  readonly shape: readonly number[];
  /** Little-endian elements in row-major order; after parsing, a view of the file's bytes, perhaps not aligned. */
  readonly bytes: Uint8Array;
}

/** The contents of a safetensors file; tensors stand in the order of its header. */
export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** The texts of `__metadata__`, without a prototype; empty where the file has none. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Reads a safetensors file; tensors are views of `bytes`, nothing is copied.
 *
 * @param file name of the file for messages
 * @throws FileError naming the byte and the tensor when anything is not as the format says
 */
export function parseSafetensors(bytes: Uint8Array, file = "<bytes>"): SafetensorsFile {
  const { entries, metadata, dataStart } = readSafetensorsHeader(bytes, file);
  checkLayout(entries, { file, dataStart, dataByteLength: bytes.length - dataStart });
  const tensors = new Map<string, TensorEntry>();
  for (const [name, { dtype, shape, begin, end }] of entries) {
    const view = new Uint8Array(bytes.buffer, bytes.byteOffset + dataStart + begin, end - begin);
    tensors.set(name, { name, dtype, shape, bytes: view });
  }
  return { tensors, metadata };
}

/**
 * The bytes of a safetensors file; equal tensors and metadata give equal bytes, in whatever order they come.
 *
 * Tensors are stored by descending element size, then by name, behind a header padded to 8 bytes, so that all are aligned.
 *
 * @throws UsageError when a name is empty, reserved, duplicated or not Unicode text, or the metadata are not all text
 * @throws ShapeError when bytes do not match dtype and shape
 */
export function writeSafetensors(
  tensors: Iterable<TensorEntry>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const ordered = [...tensors].sort(byElementSizeThenName);
  const names = new Set<string>();
  for (const tensor of ordered) {
    checkTensor(tensor);
    if (names.has(tensor.name)) throw new UsageError(`two tensors are named ${excerpt(tensor.name)}: rename one`);
    names.add(tensor.name);
  }

  const header = encodeHeader(ordered, metadata);
  const dataByteLength = ordered.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const written = new Uint8Array(HEADER_PREFIX_BYTES + header.length + dataByteLength);
  new DataView(written.buffer).setBigUint64(0, BigInt(header.length), true);
  written.set(header, HEADER_PREFIX_BYTES);
  let offset = HEADER_PREFIX_BYTES + header.length;
  for (const { bytes } of ordered) {
    written.set(bytes, offset);
    offset += bytes.length;
  }
  return written;
}

/** A tensor to write, its dtype taken from the array; `bytes` share the memory of `values`. */
export function tensorEntry(
  name: string,
  shape: readonly number[],
  values: Float32Array | Int8Array | Uint8Array | Int32Array,
): TensorEntry {
  return { name, dtype: dtypeOf(values), shape, bytes: encodeElements(values) };
}

/**
 * The values of a float tensor: F32 as it is (a view of the file where it is aligned), F16 and BF16 widened exactly, F64
 * rounded to the nearest float32 (infinite beyond its range).
 *
 * @throws FileError when the tensor holds no floats
 */
export function readFloat32(entry: TensorEntry, file: string): Float32Array {
  checkDtype(entry, ["F32", "F16", "BF16", "F64"], file);
  const values = decodeElements(entry.dtype, entry.bytes);
  return values instanceof Float32Array ? values : new Float32Array(values as Float64Array);
}

/** The values of a U8 tensor, a view of the file. @throws FileError when the tensor holds anything else */
export function readUint8(entry: TensorEntry, file: string): Uint8Array {
  checkDtype(entry, ["U8"], file);
  return decodeElements(entry.dtype, entry.bytes) as Uint8Array;
}

/** Data must follow each other without gap or overlap and end with the file, in whatever order the header names them. */
function checkLayout(
  entries: ReadonlyMap<string, HeaderEntry>,
  { file, dataStart, dataByteLength }: { file: string; dataStart: number; dataByteLength: number },
): void {
  const ordered = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const [name, { begin, end }] of ordered) {
    if (begin !== covered) {
      const relation =
        begin < covered ? "overlaps the tensor before it, which ends" : "leaves a gap after the data end";
      const message = `data_offsets [${begin}, ${end}]: it ${relation} at ${covered}; the header is damaged`;
      throw new FileError(message, { file, offset: dataStart + begin, tensor: shorten(name) });
    }
    covered = end;
  }
  if (covered !== dataByteLength) {
    const message = `the tensors end here, but ${dataByteLength - covered} more bytes follow: the file is damaged`;
    throw new FileError(message, { file, offset: dataStart + covered });
  }
}

function encodeHeader(tensors: readonly TensorEntry[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const members: string[] = [];
  const texts = Object.entries(metadata).sort(([a], [b]) => compareText(a, b));
  for (const [key, value] of texts) checkMetadata(key, value);
  // Written member by member: an object would reorder keys that look like numbers and swallow "__proto__".
  if (texts.length > 0) {
    const pairs = texts.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
    members.push(`${JSON.stringify(METADATA_KEY)}:{${pairs.join(",")}}`);
  }
  let begin = 0;
  for (const { name, dtype, shape, bytes } of tensors) {
    const end = begin + bytes.length;
    members.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`);
    begin = end;
  }
  const header = new TextEncoder().encode(`{${members.join(",")}}`);
  const padded = new Uint8Array(Math.ceil(header.length / 8) * 8).fill(0x20);
  if (padded.length > MAX_HEADER_BYTES) {
    const problem = `the header takes ${padded.length} bytes, safetensors allows ${MAX_HEADER_BYTES}`;
    throw new UsageError(`${problem}: write fewer tensors or less metadata`);
  }
  padded.set(header);
  return padded;
}

function checkTensor({ name, dtype, shape, bytes }: TensorEntry): void {
  if (name === "" || name === METADATA_KEY || !isWellFormed(name)) {
    const rule = `a tensor name must be Unicode text, not empty and not ${METADATA_KEY}`;
    throw new UsageError(`${rule}, got ${excerpt(name)}`);
  }
  if (!isElementType(dtype)) throw new UsageError(`tensor ${excerpt(name)} has an unknown dtype ${excerpt(dtype)}`);
  shape.forEach((size, axis) => {
    checkSize(`size ${axis} of tensor ${excerpt(name)}`, size, 0);
  });
  const expected = arrayByteLength(dtype, shape);
  if (bytes.length !== expected) {
    const problem = `tensor ${excerpt(name)}, ${dtype} ${formatShape(shape)}`;
    throw new ShapeError(`${problem}, must have ${expected ?? "2^53 or more"} bytes, got ${bytes.length}`);
  }
}

function checkMetadata(key: string, value: unknown): void {
  if (typeof value !== "string" || !isWellFormed(key) || !isWellFormed(value)) {
    throw new UsageError(`metadata must be Unicode text; ${excerpt(key)} is not: give it as JSON.stringify(...)`);
  }
}

function checkDtype(entry: TensorEntry, allowed: readonly ElementType[], file: string): void {
  if (!allowed.includes(entry.dtype)) {
    throw new FileError(`expected ${allowed.join(", ")}, got ${entry.dtype}`, { file, tensor: shorten(entry.name) });
  }
}

function dtypeOf(values: Float32Array | Int8Array | Uint8Array | Int32Array): ElementType {
  if (values instanceof Float32Array) return "F32";
  if (values instanceof Int32Array) return "I32";
  return values instanceof Int8Array ? "I8" : "U8";
}

function byElementSizeThenName(a: TensorEntry, b: TensorEntry): number {
  return elementByteLengths[b.dtype] - elementByteLengths[a.dtype] || compareText(a.name, b.name);
}

/** By UTF-16 code units: the same on every machine, unlike a locale's order. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
