/**
 * The header of a safetensors file: 8 bytes little-endian header length, then JSON of one exact shape:
 *
 *     {"__metadata__": {"key": "text", ...}, "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
 *
 * It is read by its grammar instead of by `JSON.parse`: duplicated keys, nesting and foreign values are refused at the byte
 * where they stand, before anything is built from them, and names never become keys of an object with a prototype.
 */
import { FileError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import { arrayByteLength, type ElementType, elementTypeNames, isElementType } from "./element-types.ts";
import { HeaderCursor } from "./header-cursor.ts";
import { excerpt, isWellFormed } from "./utf8.ts";

/** Bytes of the header length that opens the file. */
export const HEADER_PREFIX_BYTES = 8;

/** Largest header that the format allows, in bytes. */
export const MAX_HEADER_BYTES = 100_000_000;

/** Most tensors of one file: far more than any model has, few enough that a hostile header cannot fill the memory. */
const MAX_TENSORS = 200_000;

/** The header key that holds text instead of a tensor. */
export const METADATA_KEY = "__metadata__";

const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** What the header says of one tensor; `begin` and `end` count from the first byte after the header. */
export interface HeaderEntry {
  dtype: ElementType;
  shape: readonly number[];
  begin: number;
  end: number;
}

/** A header whose entries each fit the file; that they do not overlap is for the caller to check. */
export interface SafetensorsHeader {
  entries: ReadonlyMap<string, HeaderEntry>;
  metadata: Readonly<Record<string, string>>;
  /** Byte at which the data begin. */
  dataStart: number;
}

/**
 * Reads the header of a whole file.
 *
 * @throws FileError naming the byte, and the tensor where there is one
 */
export function readSafetensorsHeader(bytes: Uint8Array, file: string): SafetensorsHeader {
  const dataStart = HEADER_PREFIX_BYTES + readHeaderLength(bytes, file);
  const cursor: HeaderCursor = new HeaderCursor(bytes, HEADER_PREFIX_BYTES, dataStart, file);
  const entries = new Map<string, HeaderEntry>();
  const metadata: Record<string, string> = Object.create(null); // so that "__proto__" is a key like any other

  if (!cursor.text.startsWith("{")) cursor.failExpecting(`"{" as the first character of the header`);
  const fields = new Set<string>();
  readObject(cursor, "the header", new Set(), (name) => {
    if (name === METADATA_KEY) readMetadata(cursor, metadata);
    else {
      cursor.tensor = name;
      if (entries.size === MAX_TENSORS) cursor.failExpecting(`at most ${MAX_TENSORS} tensors`);
      entries.set(name, readEntry(cursor, bytes.length - dataStart, fields));
      cursor.tensor = undefined;
    }
  });
  cursor.expectEnd();
  return { entries, metadata, dataStart };
}

function readHeaderLength(bytes: Uint8Array, file: string): number {
  if (bytes.length < HEADER_PREFIX_BYTES) {
    const problem = `a safetensors file has at least ${HEADER_PREFIX_BYTES} bytes, this one has ${bytes.length}`;
    throw new FileError(`${problem}: it is truncated or of another kind`, { file, offset: bytes.length });
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  const limit = Math.min(bytes.length - HEADER_PREFIX_BYTES, MAX_HEADER_BYTES);
  if (length > limit) {
    const problem = `the header claims ${length} bytes, but at most ${limit} are possible in a file of ${bytes.length}`;
    throw new FileError(`${problem}: it is truncated or not a safetensors file`, { file, offset: 0 });
  }
  return Number(length);
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

/**
 * Reads a JSON object; `readMember` reads the value of the key it is given, which stands at index `at`.
 *
 * @param seen an empty set for the keys, or an old one to be emptied: a million tensors should not cost a million sets
 */
function readObject(
  cursor: HeaderCursor,
  what: string,
  seen: Set<string>,
  readMember: (key: string, at: number) => void,
): void {
  seen.clear();
  cursor.expect("{", `to open ${what}`);
  if (cursor.take("}")) return;
  do {
    cursor.skipWhitespace();
    const at = cursor.at;
    const key = readString(cursor, `a key of ${what}, in double quotes`);
    if (seen.has(key)) cursor.fail(`key ${excerpt(key)} appears twice in ${what}: remove one of the two`, at);
    seen.add(key);
    cursor.expect(":", "after a key");
    readMember(key, at);
  } while (cursor.take(","));
  cursor.expect("}", `to close ${what}`);
}

function readString(cursor: HeaderCursor, what: string): string {
  cursor.skipWhitespace();
  const { text, at } = cursor;
  if (text.charCodeAt(at) !== QUOTE) cursor.failExpecting(what);
  let end = at + 1;
  let isPlain = true;
  for (let code = text.charCodeAt(end); code !== QUOTE && end < text.length; code = text.charCodeAt(end)) {
    if (code === BACKSLASH || code < SPACE) isPlain = false;
    end += code === BACKSLASH ? 2 : 1;
  }
  if (end >= text.length) cursor.fail("this text has no closing quote: the header is damaged", at);
  const value = isPlain ? text.slice(at + 1, end) : parseString(cursor, text.slice(at, end + 1));
  cursor.at = end + 1;
  return value;
}

/** Reads a quoted text with escapes, or refuses it for its control characters. */
function parseString(cursor: HeaderCursor, literal: string): string {
  let value: string;
  try {
    value = JSON.parse(literal); // of something in quotes, so a string or no JSON
  } catch (cause) {
    cursor.fail(`${excerpt(literal)} is no JSON string`, cursor.at, { cause });
  }
  if (!isWellFormed(value)) cursor.fail("this text holds half of a surrogate pair, which is no character");
  return value;
}
