/** The bytes of the entries of a zip archive, stored or deflated, as they are unpacked. */
import { FileError } from "../core/errors.ts";
import { crc32 } from "./crc32.ts";
import { shorten } from "./header-cursor.ts";
import type { RangeSource } from "./ranges.ts";
import { decodeUtf8, excerpt } from "./utf8.ts";
import { ENCRYPTED_FLAGS, viewOf, type ZipDirectory, type ZipEntry } from "./zip-directory.ts";

/** An entry whose packed bytes are known to lie within the archive. */
export interface LocatedEntry extends ZipEntry {
  /** Byte at which the packed bytes begin. */
  readonly dataStart: number;
}

const STORED = 0;
const DEFLATED = 8;

/** A deflated byte unpacks to 1032 at most: 258 for every two bits. */
const MAX_DEFLATE_RATIO = 1032;

const HEADER = { signature: 0x0403_4b50, byteLength: 30 };

/** Packed bytes read at a time: little at first, where a reader may want only the beginning. */
const CHUNK_BYTES = { first: 1 << 12, most: 1 << 18 };

/**
 * Finds the packed bytes of all entries.
 *
 * @throws FileError naming the byte, when entries overlap, leave the archive, are packed in another way or disagree with the
 * directory
 */
export async function locateEntries(ranges: RangeSource, directory: ZipDirectory): Promise<readonly LocatedEntry[]> {
  const located: LocatedEntry[] = [];
  for (const entry of directory.entries) located.push(await locateEntry(ranges, entry, directory.start));
  let covered = 0;
  for (const entry of [...located].sort((a, b) => a.headerOffset - b.headerOffset)) {
    if (entry.headerOffset < covered) fail(ranges, entry, "overlaps the entry before it: the archive is damaged");
    covered = entry.dataStart + entry.packedByteLength;
  }
  return located;
}

/**
 * Unpacks an entry, part by part; the parts have exactly the byte length that the directory says, and its check sum, or an
 * error comes after them.
 *
 * @throws FileError when the packed bytes are damaged, unpack to more or less, or cannot be had
 */
export async function* entryChunks(ranges: RangeSource, entry: LocatedEntry): AsyncGenerator<Uint8Array> {
  const chunks = entry.method === STORED ? packedChunks(ranges, entry) : inflatedChunks(ranges, entry);
  let byteLength = 0;
  let sum = 0;
  for await (const chunk of chunks) {
    byteLength += chunk.length;
    if (byteLength > entry.byteLength) failData(ranges, entry, `unpacks to more than ${entry.byteLength} bytes`);
    sum = crc32(chunk, sum);
    yield chunk;
  }
  if (byteLength < entry.byteLength) failData(ranges, entry, `unpacks to ${byteLength} of ${entry.byteLength} bytes`);
  if (sum !== entry.crc32) failData(ranges, entry, "does not have its check sum");
}

async function locateEntry(ranges: RangeSource, entry: ZipEntry, limit: number): Promise<LocatedEntry> {
  const { headerOffset, method, byteLength, packedByteLength } = entry;
  if (method !== STORED && method !== DEFLATED) {
    fail(ranges, entry, `is packed by method ${method}: pack it again, stored or deflated`);
  }
  const mostBytes = method === STORED ? packedByteLength : packedByteLength * MAX_DEFLATE_RATIO;
  if (byteLength > mostBytes || (method === STORED && byteLength < packedByteLength)) {
    fail(ranges, entry, `cannot have ${byteLength} bytes in ${packedByteLength}: the archive is damaged`);
  }
  if (headerOffset + HEADER.byteLength > limit) fail(ranges, entry, "leaves the archive: it is truncated or damaged");
  const header = viewOf(await ranges.read(headerOffset, HEADER.byteLength));
  const nameByteLength = header.getUint16(26, true);
  const nameStart = headerOffset + HEADER.byteLength;
  const dataStart = nameStart + nameByteLength + header.getUint16(28, true);
  if (dataStart + packedByteLength > limit) fail(ranges, entry, "leaves the archive: it is truncated or damaged");
  const hasHeader = header.getUint32(0, true) === HEADER.signature && header.getUint16(8, true) === method;
  const isEncrypted = (header.getUint16(6, true) & ENCRYPTED_FLAGS) !== 0;
  const location = { file: ranges.file, offset: nameStart };
  const hasName = hasHeader && decodeUtf8(await ranges.read(nameStart, nameByteLength), location) === entry.name;
  if (!hasName || isEncrypted)
    fail(ranges, entry, "has another header than the directory says: the archive is damaged");
  return { ...entry, dataStart };
}

async function* packedChunks(ranges: RangeSource, entry: LocatedEntry): AsyncGenerator<Uint8Array> {
  const end = entry.dataStart + entry.packedByteLength;
  let wanted = CHUNK_BYTES.first;
  for (let at = entry.dataStart; at < end; wanted = Math.min(2 * wanted, CHUNK_BYTES.most)) {
    const chunk = await ranges.read(at, Math.min(wanted, end - at));
    at += chunk.length;
    yield chunk;
  }
}

async function* inflatedChunks(ranges: RangeSource, entry: LocatedEntry): AsyncGenerator<Uint8Array> {
  const packed = packedChunks(ranges, entry);
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        const next = await packed.next();
        if (next.done) controller.close();
        else controller.enqueue(new Uint8Array(next.value)); // copied: a stream takes no shared memory
      },
    },
    { highWaterMark: 0 }, // nothing is read ahead of what is asked for
  );
  const reader = stream.pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
  } catch (cause) {
    if (cause instanceof FileError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    failData(ranges, entry, `cannot be unpacked (${reason})`, { cause });
  } finally {
    await reader.cancel().catch(() => undefined); // whoever stops early wants no more of it
  }
}

function fail({ file }: RangeSource, { name, listedAt }: ZipEntry, problem: string): never {
  throw new FileError(`entry ${excerpt(name)} ${problem}`, { file, offset: listedAt, tensor: arrayNameOf(name) });
}

function failData({ file }: RangeSource, entry: LocatedEntry, problem: string, options?: ErrorOptions): never {
  const message = `entry ${excerpt(entry.name)} ${problem}: the archive is damaged; copy or download it again`;
  throw new FileError(message, { file, offset: entry.dataStart, tensor: arrayNameOf(entry.name) }, options);
}

/** What messages call an array by, given the name of its entry. */
export function arrayNameOf(entryName: string): string {
  return shorten(entryName.replace(/\.npy$/, ""));
}
