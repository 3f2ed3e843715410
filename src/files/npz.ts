/** NumPy's .npz files, which are zip archives of .npy files: a model of any size, read array by array. */
import { FileError } from "../core/errors.ts";
import { arrayByteLength } from "./element-types.ts";
import { shorten } from "./header-cursor.ts";
import { type NpyArray, parseNpy } from "./npy.ts";
import { checkNpyLength, locateNpyHeader, NPY_PREFIX_BYTES, type NpyHeader, readNpyHeader } from "./npy-header.ts";
import { openRanges, type RangeSource } from "./ranges.ts";
import type { StoredTensor } from "./safetensors-header.ts";
import type { ByteSource } from "./source.ts";
import { joinChunks } from "./source.ts";
import { excerpt } from "./utf8.ts";
import { readZipDirectory } from "./zip-directory.ts";
import { arrayNameOf, entryChunks, type LocatedEntry, locateEntries } from "./zip-entry.ts";

/** An open .npz file; disposing of it closes the file. */
export interface NpzReader extends AsyncDisposable {
  /** The arrays by name, without ".npy", in the order of the archive. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /**
   * Unpacks one array; this takes the memory that `tensors` says, twice for Fortran order.
   *
   * @throws FileError when there is no such array, its bytes are damaged or more than the memory holds
   */
  read(name: string): Promise<NpyArray>;
}

const SUFFIX = ".npy";

/**
 * Opens an .npz file, compressed or not; only the headers of its arrays are unpacked.
 *
 * @throws FileError naming byte and array when anything is not as the formats say, or an array holds no numbers
 * @throws UnsupportedError when the source is of a kind that cannot be read here
 */
export async function openNpz(source: ByteSource): Promise<NpzReader> {
  const ranges = await openRanges(source);
  try {
    const arrays = new Map<string, LocatedEntry>();
    const tensors = new Map<string, StoredTensor>();
    for (const entry of await locateEntries(ranges, await readZipDirectory(ranges))) {
      const name = arrayName(entry, ranges.file);
      if (arrays.has(name)) {
        const location = { file: ranges.file, offset: entry.listedAt, tensor: shorten(name) };
        throw new FileError("two arrays have this name: remove one of the two", location);
      }
      arrays.set(name, entry);
      const { dtype, shape } = await inEntry(ranges, entry, (file) => readEntryHeader(ranges, entry, file));
      tensors.set(name, { name, dtype, shape, byteLength: arrayByteLength(dtype, shape) ?? 0 });
    }
    return {
      tensors,
      async read(name) {
        const entry = arrays.get(name);
        if (entry !== undefined) return inEntry(ranges, entry, (file) => readArray(ranges, entry, file));
        const problem = `there is no such array among its ${arrays.size}: give one of the names in tensors`;
        throw new FileError(problem, { file: ranges.file, tensor: shorten(name) });
      },
      [Symbol.asyncDispose]: () => ranges[Symbol.asyncDispose](),
    };
  } catch (error) {
    await ranges[Symbol.asyncDispose]();
    throw error;
  }
}

function arrayName({ name, listedAt }: LocatedEntry, file: string): string {
  if (name.endsWith(SUFFIX) && name !== SUFFIX) return name.slice(0, -SUFFIX.length);
  const problem = `an .npz file holds .npy files only, got ${excerpt(name)}`;
  const advice = "for a checkpoint of PyTorch, save its state dict as safetensors";
  throw new FileError(`${problem}: the archive is of another kind (${advice})`, { file, offset: listedAt });
}

/** Unpacks no more of an entry than its header, which must fit the length that the directory says. */
async function readEntryHeader(ranges: RangeSource, entry: LocatedEntry, file: string): Promise<NpyHeader> {
  const chunks: Uint8Array[] = [];
  let byteLength = 0;
  let wanted = Math.min(NPY_PREFIX_BYTES, entry.byteLength);
  let hasPrefix = false;
  for await (const chunk of entryChunks(ranges, entry)) {
    chunks.push(chunk);
    byteLength += chunk.length;
    if (!hasPrefix && byteLength >= wanted) {
      wanted = locateNpyHeader(joinChunks(chunks, byteLength), entry.byteLength, file).dataStart;
      hasPrefix = true;
    }
    if (hasPrefix && byteLength >= wanted) break;
  }
  const header = readNpyHeader(joinChunks(chunks, byteLength), entry.byteLength, file);
  checkNpyLength(header, entry.byteLength, file);
  return header;
}

async function readArray(ranges: RangeSource, entry: LocatedEntry, file: string): Promise<NpyArray> {
  const bytes = allocate(entry.byteLength, file);
  let at = 0;
  for await (const chunk of entryChunks(ranges, entry)) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return parseNpy(bytes, file);
}

function allocate(byteLength: number, file: string): Uint8Array {
  try {
    return new Uint8Array(byteLength);
  } catch (cause) {
    throw new FileError(`its ${byteLength} bytes are more than the memory holds`, { file }, { cause });
  }
}

/** Runs what reads an .npy file within the archive, and says of its errors which array of which file they concern. */
async function inEntry<T>(ranges: RangeSource, entry: LocatedEntry, read: (file: string) => Promise<T>): Promise<T> {
  const { file } = ranges;
  try {
    return await read(shorten(entry.name));
  } catch (cause) {
    if (!(cause instanceof FileError) || cause.file === file) throw cause;
    const location = { file, offset: entry.dataStart, tensor: arrayNameOf(entry.name) };
    throw new FileError(cause.message, location, { cause });
  }
}
