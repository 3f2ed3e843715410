/** Safetensors models of any size, in one file or in shards: headers are read when they are opened, data in parts. */
import { FileError, ShapeError, UnsupportedError } from "../core/errors.ts";
import { shorten } from "./header-cursor.ts";
import { pathOfFileUrl } from "./node-files.ts";
import { nodeModule } from "./node-modules.ts";
import { type DirectRanges, openRanges, type RangeSource } from "./ranges.ts";
import {
  HEADER_PREFIX_BYTES,
  readDataStart,
  readSafetensorsHeader,
  type SafetensorsHeader,
  type StoredTensor,
} from "./safetensors-header.ts";
import { MAX_INDEX_BYTES, readSafetensorsIndex } from "./safetensors-index.ts";
import { type ByteSource, readBytes, urlOf } from "./source.ts";

/** An open model; disposing of it closes its files. */
export interface SafetensorsReader extends AsyncDisposable {
  /** By name, in the order of the header; of an index, shard by shard. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** The texts of `__metadata__`, without a prototype; of shards, those that no two of them disagree on. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The files that hold the tensors: one, or the shards of an index. */
  readonly files: readonly Pick<RangeSource, "file" | "byteLength">[];
  /**
   * Bytes `[begin, end)` of a tensor's little-endian, row-major data, all of them by default; perhaps not aligned.
   *
   * @throws FileError when there is no such tensor, or its bytes cannot be had
   * @throws ShapeError when the tensor has no such bytes
   */
  read(name: string, begin?: number, end?: number): Promise<Uint8Array>;
}

/**
 * Opens a safetensors file, or the shards that a `*.safetensors.index.json` names.
 *
 * A source is an index when its name ends in `.json`; its shards lie beside it. Together they must hold exactly the tensors
 * of the index, each in the shard that it names.
 *
 * @throws FileError naming file, byte and tensor when anything is not as the format says
 * @throws UnsupportedError for an index that does not tell where its shards are, and sources that cannot be read here
 */
export async function openSafetensors(source: ByteSource): Promise<SafetensorsReader> {
  return isIndex(source) ? openShards(source) : openFile(await openRanges(source));
}

/** What a reader finds its bytes by. */
interface LocatedTensor extends StoredTensor {
  readonly ranges: RangeSource;
  /** Of its first byte within `ranges`. */
  readonly offset: number;
}

interface OpenedFile {
  readonly ranges: RangeSource;
  readonly tensors: ReadonlyMap<string, LocatedTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

async function openFile(ranges: RangeSource): Promise<SafetensorsReader> {
  const { tensors, metadata } = await readHeader(ranges);
  return readerOf(tensors, metadata, [ranges]);
}

/** Reads the header of a file at once. @throws FileError naming the byte, and the tensor where there is one */
export function readSafetensorsHeaderNow(ranges: DirectRanges): SafetensorsHeader {
  const { file, byteLength } = ranges;
  const prefix = new Uint8Array(Math.min(HEADER_PREFIX_BYTES, byteLength));
  ranges.readInto(0, prefix);
  const head = new Uint8Array(readDataStart(prefix, byteLength, file));
  ranges.readInto(0, head);
  return readSafetensorsHeader(head, byteLength, file);
}

/** Reads the header of a file, and closes the file when that fails. */
async function readHeader(ranges: RangeSource): Promise<OpenedFile> {
  const { file, byteLength } = ranges;
  try {
    const prefix = await ranges.read(0, Math.min(HEADER_PREFIX_BYTES, byteLength));
    const head = await ranges.read(0, readDataStart(prefix, byteLength, file));
    const { entries, metadata, dataStart } = readSafetensorsHeader(head, byteLength, file);
    const tensors = new Map<string, LocatedTensor>();
    for (const [name, { dtype, shape, begin, end }] of entries) {
      tensors.set(name, { name, dtype, shape, byteLength: end - begin, ranges, offset: dataStart + begin });
    }
    return { ranges, tensors, metadata };
  } catch (error) {
    await ranges[Symbol.asyncDispose]();
    throw error;
  }
}

function readerOf(
  located: ReadonlyMap<string, LocatedTensor>,
  metadata: Readonly<Record<string, string>>,
  files: readonly RangeSource[],
): SafetensorsReader {
  const tensors = new Map<string, StoredTensor>();
  for (const { name, dtype, shape, byteLength } of located.values()) {
    tensors.set(name, { name, dtype, shape, byteLength });
  }
  return {
    tensors,
    metadata,
    files,
    async read(name, begin = 0, end) {
      const tensor = located.get(name);
      if (tensor === undefined) {
        const problem = `there is no such tensor among its ${located.size}: give one of the names in tensors`;
        throw new FileError(problem, { file: files[0]?.file ?? "<no shards>", tensor: shorten(name) });
      }
      const stop = end ?? tensor.byteLength;
      if (!Number.isSafeInteger(begin) || !(begin >= 0 && begin <= stop && stop <= tensor.byteLength)) {
        const range = `bytes [${begin}, ${stop})`;
        throw new ShapeError(`tensor ${shorten(name)} has ${tensor.byteLength} bytes, which do not hold ${range}`);
      }
      return tensor.ranges.read(tensor.offset + begin, stop - begin);
    },
    [Symbol.asyncDispose]: () => closeAll(files),
  };
}

async function openShards(source: ByteSource): Promise<SafetensorsReader> {
  const { bytes, file } = await readBytes(source, { maxByteLength: MAX_INDEX_BYTES });
  const shards = readSafetensorsIndex(bytes, file);
  const opened: OpenedFile[] = [];
  try {
    const located = new Map<string, LocatedTensor>();
    for (const [shard, names] of shards) {
      const found = await readHeader(await openShard(source, shard, file));
      opened.push(found);
      checkShard(found, names, { file, known: located });
      for (const [name, tensor] of found.tensors) located.set(name, tensor);
    }
    const files = opened.map(({ ranges }) => ranges);
    return readerOf(inOrderOf(shards, located), agreedMetadata(opened), files);
  } catch (error) {
    await closeAll(opened.map(({ ranges }) => ranges));
    throw error;
  }
}

async function openShard(index: ByteSource, shard: string, file: string): Promise<RangeSource> {
  try {
    return await openRanges(besideIndex(index, shard));
  } catch (cause) {
    if (!(cause instanceof FileError)) throw cause;
    throw new FileError(`its shard ${JSON.stringify(shard)} cannot be opened: ${cause.message}`, { file }, { cause });
  }
}

/** Path or address of a shard, which is a plain file name. */
function besideIndex(index: ByteSource, shard: string): string {
  const url = typeof index === "string" ? urlOf(index) : index;
  if (url instanceof URL && url.protocol !== "file:") return new URL(encodeURIComponent(shard), url).href;
  if (url !== undefined && !(url instanceof URL)) {
    throw new UnsupportedError("an index in a File does not tell where its shards are: pass its path or its URL");
  }
  const path = url === undefined ? String(index) : pathOfFileUrl(url);
  const { dirname, join } = nodeModule("node:path", path);
  return join(dirname(path), shard);
}

/** Refuses a shard that holds other tensors than the index says, or one that another shard holds, too. */
function checkShard(
  { ranges, tensors }: OpenedFile,
  names: readonly string[],
  { file, known }: { file: string; known: ReadonlyMap<string, LocatedTensor> },
): void {
  const absent = names.find((name) => !tensors.has(name));
  if (absent !== undefined) {
    const problem = `weight_map says that this tensor is in ${ranges.file}, which does not hold it`;
    throw new FileError(`${problem}: index and shards do not belong together`, { file, tensor: shorten(absent) });
  }
  const listed = new Set(names);
  for (const name of tensors.keys()) {
    if (listed.has(name)) continue;
    const other = known.get(name)?.ranges.file;
    const place = other === undefined ? ", where weight_map does not place it" : ` and in ${other}`;
    const problem = `this tensor stands in ${ranges.file}${place}`;
    throw new FileError(`${problem}: index and shards do not belong together`, { file, tensor: shorten(name) });
  }
}

function inOrderOf(
  shards: ReadonlyMap<string, readonly string[]>,
  located: ReadonlyMap<string, LocatedTensor>,
): ReadonlyMap<string, LocatedTensor> {
  return new Map([...shards.values()].flat().map((name) => [name, located.get(name) as LocatedTensor]));
}

/** The texts of all files, without those for which two files have different ones. */
function agreedMetadata(files: readonly OpenedFile[]): Readonly<Record<string, string>> {
  const agreed: Record<string, string> = Object.create(null);
  const disputed = new Set<string>();
  for (const { metadata } of files) {
    for (const [key, text] of Object.entries(metadata)) {
      if ((agreed[key] ?? text) !== text) disputed.add(key);
      agreed[key] = text;
    }
  }
  for (const key of disputed) delete agreed[key];
  return agreed;
}

function isIndex(source: ByteSource): boolean {
  if (source instanceof URL) return source.pathname.endsWith(".json");
  if (source instanceof Blob)
    return "name" in source && typeof source.name === "string" && source.name.endsWith(".json");
  if (typeof source !== "string") return false;
  return (urlOf(source)?.pathname ?? source).endsWith(".json");
}

/** Closes all files, whether or not closing one of them fails. */
async function closeAll(files: readonly RangeSource[]): Promise<void> {
  const closed = await Promise.allSettled(files.map((ranges) => ranges[Symbol.asyncDispose]()));
  for (const result of closed) if (result.status === "rejected") throw result.reason;
}
