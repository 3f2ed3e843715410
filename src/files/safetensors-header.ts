/**
 * The header of a safetensors file: 8 bytes little-endian header length, then JSON of one exact shape:
 *
 *     {"__metadata__": {"key": "text", ...}, "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
 *
 * It is read by its grammar, and names never become keys of an object with a prototype.
 */
import { FileError } from "../core/errors.ts";
import { formatShape, type Shape } from "../core/shape.ts";
import { arrayByteLength, type ElementType, elementTypeNames, isElementType } from "./element-types.ts";
import { HeaderCursor, shorten } from "./header-cursor.ts";
import { readObject, readString } from "./header-json.ts";
import { excerpt } from "./utf8.ts";

/** Bytes of the header length that opens the file. */
export const HEADER_PREFIX_BYTES = 8;

/** Largest header that the format allows, in bytes. */
export const MAX_HEADER_BYTES = 100_000_000;

/** Most tensors of one file: far more than any model has, few enough that a hostile header cannot fill the memory. */
const MAX_TENSORS = 200_000;

/** The header key that holds text instead of a tensor. */
export const METADATA_KEY = "__metadata__";

/** What the header says of one tensor; `begin` and `end` count from the first byte after the header. */
export interface HeaderEntry {
  dtype: ElementType;
  shape: readonly number[];
  begin: number;
  end: number;
}

/** One tensor of a file, without its bytes. */
export interface StoredTensor {
  readonly name: string;
  readonly dtype: ElementType;
  /** Sizes, outermost first; `[]` is a scalar. */
  readonly shape: Shape;
  readonly byteLength: number;
}

/** A header whose tensors fill the file behind it, without gap or overlap. */
export interface SafetensorsHeader {
  entries: ReadonlyMap<string, HeaderEntry>;
  metadata: Readonly<Record<string, string>>;
  /** Byte at which the data begin. */
  dataStart: number;
}

/**
 * Reads the header of a file.
 *
 * @param head the first bytes of the file, the whole header at least
 * @param fileByteLength length of the whole file
 * @throws FileError naming the byte, and the tensor where there is one
 */
export function readSafetensorsHeader(head: Uint8Array, fileByteLength: number, file: string): SafetensorsHeader {
  const dataStart = readDataStart(head, fileByteLength, file);
  const dataByteLength = fileByteLength - dataStart;
  const cursor: HeaderCursor = new HeaderCursor(head, HEADER_PREFIX_BYTES, dataStart, file);
  const entries = new Map<string, HeaderEntry>();
  const metadata: Record<string, string> = Object.create(null); // so that "__proto__" is a key like any other

  if (!cursor.text.startsWith("{")) cursor.failExpecting(`"{" as the first character of the header`);
  const fields = new Set<string>();
  readObject(cursor, "the header", new Set(), (name) => {
    if (name === METADATA_KEY) readMetadata(cursor, metadata);
    else {
      cursor.tensor = name;
      if (entries.size === MAX_TENSORS) cursor.failExpecting(`at most ${MAX_TENSORS} tensors`);
      entries.set(name, readEntry(cursor, dataByteLength, fields));
      cursor.tensor = undefined;
    }
  });
  cursor.expectEnd();
  checkLayout(entries, { file, dataStart, dataByteLength });
  return { entries, metadata, dataStart };
}

/**
 * Where the header ends and the data begin, by the first 8 bytes of a file.
 *
 * @throws FileError when the header cannot be that long
 */
export function readDataStart(head: Uint8Array, fileByteLength: number, file: string): number {
  if (fileByteLength < HEADER_PREFIX_BYTES) {
    const problem = `a safetensors file has at least ${HEADER_PREFIX_BYTES} bytes, this one has ${fileByteLength}`;
    throw new FileError(`${problem}: it is truncated or of another kind`, { file, offset: fileByteLength });
  }
  const length = new DataView(head.buffer, head.byteOffset).getBigUint64(0, true);
  const limit = Math.min(fileByteLength - HEADER_PREFIX_BYTES, MAX_HEADER_BYTES);
  if (length > limit) {
    const problem = `the header claims ${length} bytes, but at most ${limit} are possible in a file of ${fileByteLength}`;
    throw new FileError(`${problem}: it is truncated or not a safetensors file`, { file, offset: 0 });
  }
  return HEADER_PREFIX_BYTES + Number(length);
}

function readMetadata(cursor: HeaderCursor, metadata: Record<string, string>): void {
  readObject(cursor, METADATA_KEY, new Set(), (key) => {
    metadata[key] = readString(cursor, `text as a value of ${METADATA_KEY}`);
  });
}

function readEntry(cursor: HeaderCursor, dataByteLength: number, seen: Set<string>): HeaderEntry {
  cursor.skipWhitespace();
  const start = cursor.at;
  const found: { dtype?: ElementType; shape?: readonly number[]; range?: readonly [number, number] } = {};
  readObject(cursor, "a tensor", seen, (field, at) => {
    if (field === "dtype") found.dtype = readElementType(cursor);
    else if (field === "shape") found.shape = readShape(cursor);
    else if (field === "data_offsets") found.range = readRange(cursor, dataByteLength);
    else cursor.fail(`a tensor has the fields dtype, shape and data_offsets, got ${excerpt(field)}`, at);
  });
  const { dtype, shape, range } = found;
  if (dtype === undefined || shape === undefined || range === undefined) {
    const given = Object.keys(found).map((field) => (field === "range" ? "data_offsets" : field));
    cursor.fail(`a tensor needs dtype, shape and data_offsets, got only ${given.join(", ") || "none of them"}`, start);
  }
  const [begin, end] = range;
  const expected = arrayByteLength(dtype, shape);
  if (expected !== end - begin) {
    const sizes = shape.length <= 16 ? formatShape(shape) : `a shape of ${shape.length} axes`;
    const needed = expected === undefined ? "2^53 bytes or more" : `${expected} bytes`;
    cursor.fail(`${dtype} ${sizes} takes ${needed}, but data_offsets [${begin}, ${end}] give it ${end - begin}`, start);
  }
  return { dtype, shape, begin, end };
}

function readElementType(cursor: HeaderCursor): ElementType {
  cursor.skipWhitespace();
  const at = cursor.at;
  const name = readString(cursor, "the name of an element type as dtype");
  if (!isElementType(name)) {
    cursor.fail(`dtype ${excerpt(name)} is not known here; known are ${elementTypeNames.join(", ")}`, at);
  }
  return name;
}

function readShape(cursor: HeaderCursor): readonly number[] {
  const shape: number[] = [];
  cursor.expect("[", "to open the shape");
  if (cursor.take("]")) return shape;
  do shape.push(cursor.wholeNumber("a size of the shape"));
  while (cursor.take(","));
  cursor.expect("]", "to close the shape");
  return shape;
}

function readRange(cursor: HeaderCursor, dataByteLength: number): readonly [number, number] {
  cursor.expect("[", "to open data_offsets");
  const at = cursor.at;
  const begin = cursor.wholeNumber("where the data begin");
  cursor.expect(",", "between the two data_offsets");
  const end = cursor.wholeNumber("where the data end");
  cursor.expect("]", "after the two data_offsets");
  if (begin > end) cursor.fail(`data_offsets [${begin}, ${end}] end before they begin: the header is damaged`, at);
  if (end > dataByteLength) {
    const problem = `data_offsets [${begin}, ${end}] lie beyond the ${dataByteLength} bytes of data`;
    cursor.fail(`${problem}: the file is truncated or damaged; copy or download it again`, at);
  }
  return [begin, end];
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
