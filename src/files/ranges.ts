/** Bytes in parts: a file of any size is never in memory as a whole. */
import { FileError } from "../core/errors.ts";
import { fileErrorOf } from "./node-file-errors.ts";
import { fillFromFile, fillFromFileNow, pathOfFileUrl } from "./node-files.ts";
import { nodeModule } from "./node-modules.ts";
import { type ByteSource, type NamedBytes, nameOfBlob, readBlobBytes, readBytes, urlOf } from "./source.ts";

/** Bytes read in parts: a file of any size never has to be in memory. */
export interface RangeSource extends AsyncDisposable {
  /** Path, URL or a name such as `"<bytes>"`, for messages. */
  readonly file: string;
  readonly byteLength: number;
  /**
   * Exactly these bytes; where the source is in memory they are a view of it. Reads may overlap in time.
   *
   * @throws FileError beyond the end, when the file became shorter or was closed, or they cannot be had
   */
  read(offset: number, byteLength: number): Promise<Uint8Array>;
}

/** Bytes that can be read without waiting, too. */
export interface DirectRanges extends RangeSource {
  /** Fills `target` before it returns. @throws FileError as `read` does */
  readInto(offset: number, target: Uint8Array): void;
}

/**
 * Opens a source for reading parts of it: paths and `file:` URLs by position, `File`s and `Blob`s by slices; what an
 * http(s) URL names is fetched whole.
 *
 * @returns a source that holds its file open until it is disposed of
 * @throws FileError when there is no such file, it is no regular file or cannot be had
 * @throws UnsupportedError when the source is of a kind that cannot be read here
 */
export async function openRanges(source: ByteSource): Promise<RangeSource> {
  if (source instanceof Blob) return rangesOfBlob(source);
  const path = pathOf(source);
  if (path !== undefined) return openFile(path);
  return rangesOfBytes(await readBytes(source));
}

/**
 * The same for reading without waiting: what does not allow that, as blobs do not, is read whole.
 *
 * @throws FileError, UnsupportedError as `openRanges` does
 * @throws the reason of `options.signal` once it is aborted
 */
export async function openDirectRanges(
  source: ByteSource,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<DirectRanges> {
  options.signal?.throwIfAborted();
  const path = source instanceof Blob ? undefined : pathOf(source);
  return path === undefined ? rangesOfBytes(await readBytes(source, options)) : openFile(path);
}

/** Bytes in memory as a source. */
export function rangesOfBytes({ bytes, file }: NamedBytes): DirectRanges {
  return directRangesOf(file, bytes.length, {
    read: async (offset, byteLength) => bytes.subarray(offset, offset + byteLength),
    readInto: (offset, target) => target.set(bytes.subarray(offset, offset + target.length)),
  });
}

/** The path that a source is or names by a `file:` URL; undefined for all others. */
function pathOf(source: ByteSource): string | undefined {
  const url = typeof source === "string" ? urlOf(source) : source;
  if (typeof source === "string" && url === undefined) return source;
  return url instanceof URL && url.protocol === "file:" ? pathOfFileUrl(url) : undefined;
}

function rangesOfBlob(blob: Blob): RangeSource {
  const file = nameOfBlob(blob);
  return rangesOf(file, blob.size, {
    read: (offset, byteLength) => readBlobBytes(blob.slice(offset, offset + byteLength), file),
  });
}

async function openFile(path: string): Promise<DirectRanges> {
  const { open, stat } = nodeModule("node:fs/promises", path);
  try {
    // Before it is opened: opening a pipe would wait for its writer.
    if (!(await stat(path)).isFile()) throw new FileError("this is no regular file: give a file", { file: path });
    const handle = await open(path, "r");
    try {
      const { size } = await handle.stat();
      const read = async (start: number, byteLength: number): Promise<Uint8Array> => {
        const bytes = new Uint8Array(byteLength);
        await fillFromFile(bytes, handle, { file: path, size, start });
        return bytes;
      };
      const readInto = (start: number, target: Uint8Array): void => {
        fillFromFileNow(target, handle.fd, { file: path, size, start });
      };
      return directRangesOf(path, size, { read, readInto, close: () => handle.close() });
    } catch (error) {
      await handle.close();
      throw error;
    }
  } catch (cause) {
    throw fileErrorOf(cause, path, "read");
  }
}

/** Ways to read that are asked only for what the source has. */
interface RangeReading extends Pick<DirectRanges, "read"> {
  close?(): Promise<void>;
}

function rangesOf(file: string, size: number, { read, close }: RangeReading): RangeSource {
  return {
    file,
    byteLength: size,
    async read(offset, byteLength) {
      checkWithin(offset, byteLength, { file, size });
      try {
        return await read(offset, byteLength);
      } catch (cause) {
        throw fileErrorOf(cause, file, "read"); // more than the memory holds, too
      }
    },
    [Symbol.asyncDispose]: close ?? (async () => undefined),
  };
}

function directRangesOf(
  file: string,
  size: number,
  reading: RangeReading & Pick<DirectRanges, "readInto">,
): DirectRanges {
  return {
    ...rangesOf(file, size, reading),
    readInto(offset, target) {
      checkWithin(offset, target.length, { file, size });
      try {
        reading.readInto(offset, target);
      } catch (cause) {
        throw fileErrorOf(cause, file, "read");
      }
    },
  };
}

function checkWithin(offset: number, byteLength: number, { file, size }: { file: string; size: number }): void {
  if (isWithin(offset, byteLength, size)) return;
  const problem = `${byteLength} bytes from byte ${offset} on are not within its ${size} bytes`;
  throw new FileError(`${problem}: the file is truncated or damaged`, { file });
}

/** Whether bytes `[offset, offset + byteLength)` are among the first `size`. */
function isWithin(offset: number, byteLength: number, size: number): boolean {
  const isWhole = Number.isSafeInteger(offset) && Number.isSafeInteger(byteLength);
  return isWhole && offset >= 0 && byteLength >= 0 && offset <= size && byteLength <= size - offset;
}
