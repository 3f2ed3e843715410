/**
 * The directory of a zip archive, which stands at its end and alone says what is in it:
 *
 *     entry 1 | ... | directory: a header for each entry | [zip64 end record | its locator] | end record | comment
 *
 * Sizes and places of 4 GB or more stand in zip64 fields. Only whole archives are read: in one file, without encryption, with
 * nothing before or between their parts.
 *
 * PKWARE, ".ZIP File Format Specification", version 6.3.10, 2022.
 */
import { FileError } from "../core/errors.ts";
import type { RangeSource } from "./ranges.ts";
import { decodeUtf8, excerpt } from "./utf8.ts";

/** What the directory says of one entry. */
export interface ZipEntry {
  readonly name: string;
  readonly method: number;
  /** Check sum of the unpacked bytes. */
  readonly crc32: number;
  readonly packedByteLength: number;
  readonly byteLength: number;
  /** Byte at which the entry's own header begins. */
  readonly headerOffset: number;
  /** Byte at which the directory says all this. */
  readonly listedAt: number;
}

/** What an archive holds. */
export interface ZipDirectory {
  readonly entries: readonly ZipEntry[];
  /** Byte at which the directory begins: all entries end before. */
  readonly start: number;
}

/** Flags of entries that are encrypted, strongly encrypted, or have their headers masked. */
export const ENCRYPTED_FLAGS = 0b0010_0000_0100_0001;

/** Most entries of an archive, and the longest directory, in bytes: far more than any file of arrays has. */
const MAX_ENTRIES = 50_000;
const MAX_DIRECTORY_BYTES = 100_000_000;

const END = { signature: 0x0605_4b50, byteLength: 22, maxCommentBytes: 0xffff };
const LOCATOR = { signature: 0x0706_4b50, byteLength: 20 };
const END64 = { signature: 0x0606_4b50, byteLength: 56 };
const HEADER = { signature: 0x0201_4b50, byteLength: 46 };
const ZIP64_FIELD = 1;

/** What stands in place of a number that a zip64 field holds. */
const IN_ZIP64 = 0xffff_ffff;

/**
 * Reads the directory of an archive.
 *
 * @throws FileError naming the byte, when the archive is damaged, split, encrypted or too large
 */
export async function readZipDirectory(ranges: RangeSource): Promise<ZipDirectory> {
  const { file } = ranges;
  const { count, byteLength, start, end, offset } = await readEnd(ranges);
  if (start + byteLength !== end) {
    const problem = `the directory of ${byteLength} bytes from byte ${start} on does not end at byte ${end}`;
    throw new FileError(`${problem}: the archive is truncated or damaged`, { file, offset });
  }
  if (count > MAX_ENTRIES || byteLength > MAX_DIRECTORY_BYTES) {
    const limits = `${MAX_ENTRIES} entries in a directory of ${MAX_DIRECTORY_BYTES} bytes`;
    throw new FileError(`at most ${limits} can be read, got ${count} in ${byteLength}`, { file, offset });
  }
  const directory = viewOf(await ranges.read(start, byteLength));
  const entries: ZipEntry[] = [];
  for (let at = 0; at < byteLength; ) {
    const { entry, headerByteLength } = readHeader(directory, at, { file, offset: start + at });
    entries.push(entry);
    at += headerByteLength;
  }
  if (entries.length !== count) {
    const problem = `the directory holds ${entries.length} entries, its end record says ${count}`;
    throw new FileError(`${problem}: the archive is damaged`, { file, offset });
  }
  return { entries, start };
}

/** What the end of the archive says of its directory. */
interface EndRecord {
  count: number;
  byteLength: number;
  start: number;
  /** Byte at which the directory must end. */
  end: number;
  /** Byte at which the record stands, for messages. */
  offset: number;
}

async function readEnd(ranges: RangeSource): Promise<EndRecord> {
  const { file, byteLength: size } = ranges;
  const tailStart = Math.max(0, size - END.byteLength - END.maxCommentBytes);
  const tail = viewOf(await ranges.read(tailStart, size - tailStart));
  const at = findEnd(tail);
  if (at === undefined) {
    throw new FileError("no zip archive ends here: the file is truncated or of another kind", { file, offset: size });
  }
  const offset = tailStart + at;
  const record64 = await readEnd64(ranges, offset);
  if (record64 !== undefined) return record64;
  const count = tail.getUint16(at + 10, true);
  checkWhole(tail.getUint16(at + 8, true), count, { file, offset });
  const [byteLength, start] = [tail.getUint32(at + 12, true), tail.getUint32(at + 16, true)];
  return { count, byteLength, start, end: offset, offset };
}

/** Index of the last end record whose comment ends with the file. */
function findEnd(tail: DataView): number | undefined {
  for (let at = tail.byteLength - END.byteLength; at >= 0; at--) {
    const commentByteLength = tail.byteLength - END.byteLength - at;
    if (tail.getUint32(at, true) === END.signature && tail.getUint16(at + 20, true) === commentByteLength) return at;
  }
  return undefined;
}

/** The zip64 end record that a locator right before the end record leads to, where there is one. */
async function readEnd64(ranges: RangeSource, endOffset: number): Promise<EndRecord | undefined> {
  const { file } = ranges;
  const locatorOffset = endOffset - LOCATOR.byteLength;
  if (locatorOffset < 0) return undefined;
  const locator = viewOf(await ranges.read(locatorOffset, LOCATOR.byteLength));
  if (locator.getUint32(0, true) !== LOCATOR.signature) return undefined;
  const offset = Number(locator.getBigUint64(8, true));
  if (!(offset <= locatorOffset - END64.byteLength)) {
    throw new FileError(`a zip64 record cannot be at byte ${offset}`, { file, offset: locatorOffset + 8 });
  }
  const record = viewOf(await ranges.read(offset, END64.byteLength));
  const recordEnd = offset + 12 + Number(record.getBigUint64(4, true)); // its length counts what follows the length
  if (record.getUint32(0, true) !== END64.signature || recordEnd !== locatorOffset) {
    throw new FileError("expected a zip64 end record that ends at its locator: the archive is damaged", {
      file,
      offset,
    });
  }
  const [countHere, count, byteLength, start] = [24, 32, 40, 48].map((at) => Number(record.getBigUint64(at, true)));
  checkWhole(countHere, count, { file, offset });
  return { count, byteLength, start, end: offset, offset };
}

function checkWhole(countHere: number, count: number, location: { file: string; offset: number }): void {
  if (countHere === count) return;
  const problem = `this part of an archive holds ${countHere} of ${count} entries`;
  throw new FileError(`${problem}: join the parts of a split archive first`, location);
}

function readHeader(
  directory: DataView,
  at: number,
  { file, offset }: { file: string; offset: number },
): { entry: ZipEntry; headerByteLength: number } {
  const left = directory.byteLength - at;
  if (left < HEADER.byteLength || directory.getUint32(at, true) !== HEADER.signature) {
    throw new FileError("expected the header of an entry: the archive is damaged", { file, offset });
  }
  const [nameBytes, fieldBytes, commentBytes] = [28, 30, 32].map((field) => directory.getUint16(at + field, true));
  const headerByteLength = HEADER.byteLength + nameBytes + fieldBytes + commentBytes;
  if (headerByteLength > left) {
    throw new FileError("the header of an entry leaves the directory: the archive is damaged", { file, offset });
  }
  const nameStart = at + HEADER.byteLength;
  const name = decodeUtf8(bytesOf(directory, nameStart, nameBytes), { file, offset: offset + HEADER.byteLength });
  if ((directory.getUint16(at + 8, true) & ENCRYPTED_FLAGS) !== 0) {
    throw new FileError(`entry ${excerpt(name)} is encrypted: unpack the archive, and pack it without a password`, {
      file,
      offset,
    });
  }
  // In the order of the zip64 field, which holds those that the header says it holds.
  const sizes = [24, 20, 42].map((field) => directory.getUint32(at + field, true));
  const wide = readZip64Field(directory, { start: nameStart + nameBytes, byteLength: fieldBytes }, sizes);
  if (wide === undefined || !wide.every(Number.isSafeInteger)) {
    const problem = `entry ${excerpt(name)} has sizes that its zip64 field does not tell, or that no file has`;
    throw new FileError(`${problem}: the archive is damaged`, { file, offset });
  }
  const [byteLength, packedByteLength, headerOffset] = wide;
  const method = directory.getUint16(at + 10, true);
  const crc32 = directory.getUint32(at + 16, true);
  const entry = { name, method, crc32, packedByteLength, byteLength, headerOffset, listedAt: offset };
  return { entry, headerByteLength };
}

/** Numbers of a header, those from its zip64 field that stand there; undefined where the fields are damaged. */
function readZip64Field(
  directory: DataView,
  { start, byteLength }: { start: number; byteLength: number },
  numbers: readonly number[],
): readonly number[] | undefined {
  const end = start + byteLength;
  const wide: number[] = [];
  for (let at = start; at < end; ) {
    const length = at + 4 <= end ? directory.getUint16(at + 2, true) : Number.POSITIVE_INFINITY;
    if (at + 4 + length > end) return undefined;
    if (directory.getUint16(at, true) === ZIP64_FIELD && wide.length === 0) {
      for (let part = 0; part + 8 <= length; part += 8) wide.push(Number(directory.getBigUint64(at + 4 + part, true)));
    }
    at += 4 + length;
  }
  const found = numbers.map((number) => (number === IN_ZIP64 ? wide.shift() : number));
  return found.every((number) => number !== undefined) ? found : undefined;
}

/** A view of bytes for reading their numbers. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function bytesOf(view: DataView, start: number, byteLength: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + start, byteLength);
}
