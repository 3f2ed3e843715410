/**
 * The header of an .npy file: "\x93NUMPY", version, length, and a Python dict of exactly three entries:
 *
 *     {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
 *
 * Only that dict is understood: it is read by its grammar and never evaluated.
 */
import { FileError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import { arrayByteLength, type ElementType } from "./element-types.ts";
import { HeaderCursor } from "./header-cursor.ts";
import { excerpt } from "./utf8.ts";

/** The bytes that open every .npy file: 0x93 and "NUMPY". */
export const NPY_MAGIC: Uint8Array = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59);

/** Bytes that say where the data begin, in every version. */
export const NPY_PREFIX_BYTES = 12;

/** Longest header read here, in bytes: what version 1 can express; later versions could claim 4 GB. */
export const MAX_NPY_HEADER_BYTES = 0xffff;

/** Numpy's name of each element type that .npy files can hold; one-byte types are found with "|" and with "<". */
const elementTypesByDescr: ReadonlyMap<string, ElementType> = new Map([
  ["<f2", "F16"],
  ["<f4", "F32"],
  ["<f8", "F64"],
  ["<i2", "I16"],
  ["<i4", "I32"],
  ["<i8", "I64"],
  ["<u2", "U16"],
  ["<u4", "U32"],
  ["<u8", "U64"],
  ["|i1", "I8"],
  ["<i1", "I8"],
  ["|u1", "U8"],
  ["<u1", "U8"],
  ["|b1", "BOOL"],
  ["<b1", "BOOL"],
]);

/** What the header says of the array. */
export interface NpyHeader {
  dtype: ElementType;
  shape: readonly number[];
  /** Whether the first axis varies fastest in the data. */
  isFortranOrder: boolean;
  /** Byte at which the data begin. */
  dataStart: number;
}

/**
 * Reads the header of a file; `checkNpyLength` tells whether the data have the right length.
 *
 * @param head the first bytes of the file, the whole header at least
 * @param fileByteLength length of the whole file
 * @throws FileError naming the byte
 */
export function readNpyHeader(head: Uint8Array, fileByteLength: number, file: string): NpyHeader {
  const { start, dataStart } = locateNpyHeader(head, fileByteLength, file);
  const cursor: HeaderCursor = new HeaderCursor(head, start, dataStart, file);
  const found: { dtype?: ElementType; isFortranOrder?: boolean; shape?: readonly number[] } = {};
  const seen = new Set<string>();

  cursor.expect("{", "to open the header");
  while (!cursor.take("}")) {
    cursor.skipWhitespace();
    const at = cursor.at;
    const key = readPythonString(cursor, "a key in quotes");
    if (seen.has(key)) cursor.fail(`key ${excerpt(key)} appears twice in the header`, at);
    seen.add(key);
    cursor.expect(":", "after a key");
    if (key === "descr") found.dtype = readDescr(cursor);
    else if (key === "fortran_order") found.isFortranOrder = readBoolean(cursor);
    else if (key === "shape") found.shape = readTuple(cursor);
    else cursor.fail(`the header has the keys descr, fortran_order and shape, got ${excerpt(key)}`, at);
    if (!cursor.take(",")) {
      cursor.expect("}", "or a comma after an entry of the header");
      break;
    }
  }
  cursor.expectEnd();

  const { dtype, isFortranOrder, shape } = found;
  if (dtype === undefined || isFortranOrder === undefined || shape === undefined) {
    cursor.fail(`the header needs descr, fortran_order and shape, got ${[...seen].join(", ") || "none of them"}`, 0);
  }
  return { dtype, shape, isFortranOrder, dataStart };
}

/**
 * Where the header's text starts and where the data do, by the first 12 bytes of a file, or all of a shorter one.
 *
 * @throws FileError when this is no .npy file, or its header cannot be that long
 */
export function locateNpyHeader(
  head: Uint8Array,
  fileByteLength: number,
  file: string,
): { start: number; dataStart: number } {
  if (!NPY_MAGIC.every((byte, i) => head[i] === byte)) {
    throw new FileError(`an .npy file starts with 0x93 "NUMPY", this one does not: it is of another kind`, {
      file,
      offset: 0,
    });
  }
  const major = head[6];
  const minor = head[7];
  if (!(major >= 1 && major <= 3 && minor === 0)) {
    const found = minor === undefined ? "the end of the file" : `${major}.${minor}`;
    throw new FileError(`expected version 1.0, 2.0 or 3.0, got ${found}`, { file, offset: 6 });
  }
  const start = major === 1 ? 10 : 12;
  if (fileByteLength < start) {
    throw new FileError("the file ends within its first 12 bytes: it is truncated", { file, offset: fileByteLength });
  }
  const view = new DataView(head.buffer, head.byteOffset);
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const limit = Math.min(fileByteLength - start, MAX_NPY_HEADER_BYTES);
  if (length > limit) {
    const problem = `the header claims ${length} bytes, but at most ${limit} are possible here`;
    throw new FileError(`${problem}: the file is truncated or damaged`, { file, offset: 8 });
  }
  return { start, dataStart: start + length };
}

/** @throws FileError when a file of this length does not hold exactly the array of its header */
export function checkNpyLength({ dtype, shape, dataStart }: NpyHeader, fileByteLength: number, file: string): void {
  const found = fileByteLength - dataStart;
  const expected = arrayByteLength(dtype, shape);
  if (found !== expected) {
    const sizes = shape.length <= 16 ? formatShape(shape) : `a shape of ${shape.length} axes`;
    const problem = `${dtype} ${sizes} takes ${expected ?? "2^53 or more"} bytes, got ${found}`;
    throw new FileError(`${problem}: the file is truncated or damaged`, { file, offset: dataStart });
  }
}

function readDescr(cursor: HeaderCursor): ElementType {
  cursor.skipWhitespace();
  const at = cursor.at;
  const known = [...elementTypesByDescr.keys()].join(" ");
  const descr = readPythonString(cursor, `one of ${known} in quotes (structured and object arrays cannot be read)`);
  const dtype = elementTypesByDescr.get(descr);
  if (dtype === undefined) {
    const advice = `save it as one of ${known}, for example array.astype("<f4")`;
    cursor.fail(`element type ${excerpt(descr)} cannot be read: ${advice}`, at);
  }
  return dtype;
}

function readBoolean(cursor: HeaderCursor): boolean {
  if (cursor.take("True")) return true;
  if (cursor.take("False")) return false;
  cursor.failExpecting("True or False as fortran_order");
}

function readTuple(cursor: HeaderCursor): readonly number[] {
  const sizes: number[] = [];
  cursor.expect("(", "to open the shape");
  if (cursor.take(")")) return sizes;
  for (;;) {
    sizes.push(cursor.wholeNumber("a size of the shape"));
    const hasComma = cursor.take(",");
    if (cursor.take(")")) {
      if (sizes.length === 1 && !hasComma) cursor.fail("a shape of one axis is written (3,), with a comma");
      return sizes;
    }
    if (!hasComma) cursor.failExpecting(`"," or ")" in the shape`);
  }
}

/** Reads a string without escapes: none of the words of this header needs one. */
function readPythonString(cursor: HeaderCursor, what: string): string {
  cursor.skipWhitespace();
  const quote = cursor.text.charAt(cursor.at);
  const end = quote === "'" || quote === '"' ? cursor.text.indexOf(quote, cursor.at + 1) : -1;
  if (end < 0) cursor.failExpecting(what);
  const value = cursor.text.slice(cursor.at + 1, end);
  cursor.at = end + 1;
  return value;
}
