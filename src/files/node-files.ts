/** Files by path: read whole, written whole or not at all. Node only. */
import { FileError } from "../core/errors.ts";
import { fileErrorOf } from "./node-file-errors.ts";
import { nodeModule } from "./node-modules.ts";
import { writeFileStreamed } from "./streamed-file.ts";

const CHUNK_BYTES = 1 << 26; // between two looks at the abort signal

/** Limits of a read. */
export interface FileReadOptions {
  /** Stops the read; the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Largest file that is read, in bytes. */
  maxByteLength?: number | undefined;
}

/**
 * Reads a whole file.
 *
 * @throws FileError when there is no such file, it is no regular file, longer than allowed or unreadable
 * @throws UnsupportedError outside of Node
 */
export async function readFileBytes(path: string, options: FileReadOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  const { open, stat } = nodeModule("node:fs/promises", path);
  const { signal, maxByteLength = Number.POSITIVE_INFINITY } = options;
  signal?.throwIfAborted();
  try {
    // Before it is opened: opening a pipe would wait for its writer.
    if (!(await stat(path)).isFile()) throw new FileError("this is no regular file: give a file", { file: path });
    await using handle = await open(path, "r");
    const { size } = await handle.stat();
    if (size > maxByteLength)
      throw new FileError(`at most ${maxByteLength} bytes allowed, got ${size}`, { file: path });
    const bytes = new Uint8Array(size);
    await fillFromFile(bytes, handle, { file: path, size, signal });
    return bytes;
  } catch (cause) {
    if (signal?.aborted) throw signal.reason;
    throw fileErrorOf(cause, path, "read");
  }
}

/** A file that is read at positions. */
interface PositionedFile {
  read(bytes: Uint8Array, at: number, byteLength: number, position: number): Promise<{ readonly bytesRead: number }>;
}

/**
 * Fills `bytes` with what the file holds from `start` on.
 *
 * @throws FileError when it ends before, though it had `size` bytes when it was opened
 * @throws the reason of `signal` once it is aborted
 */
export async function fillFromFile(
  bytes: Uint8Array,
  handle: PositionedFile,
  { file, size, start = 0, signal }: { file: string; size: number; start?: number; signal?: AbortSignal | undefined },
): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    signal?.throwIfAborted();
    const wanted = Math.min(CHUNK_BYTES, bytes.length - done);
    const { bytesRead } = await handle.read(bytes, done, wanted, start + done);
    if (bytesRead === 0) throw shortened(file, size, start + done);
    done += bytesRead;
  }
}

/** The same before it returns, from an open file. */
export function fillFromFileNow(
  bytes: Uint8Array,
  descriptor: number,
  { file, size, start }: { file: string; size: number; start: number },
): void {
  const { readSync } = nodeModule("node:fs", file);
  for (let done = 0; done < bytes.length; ) {
    const bytesRead = readSync(descriptor, bytes, done, bytes.length - done, start + done);
    if (bytesRead === 0) throw shortened(file, size, start + done);
    done += bytesRead;
  }
}

function shortened(file: string, size: number, offset: number): FileError {
  return new FileError(`expected ${size} bytes: the file became shorter while it was read`, { file, offset });
}

/**
 * Writes a whole file or leaves the one that is there: a crash at any moment leaves the old bytes or the new ones.
 *
 * A symbolic link is followed, so that the file behind it is replaced.
 *
 * @throws FileError when it cannot be written; nothing is left behind then
 * @throws UnsupportedError outside of Node
 */
export async function writeFileAtomic(path: string, bytes: Uint8Array): Promise<void> {
  await writeFileStreamed(path, [bytes]);
}

/** The path of a `file:` URL. @throws FileError when it names no local file @throws UnsupportedError outside of Node */
export function pathOfFileUrl(url: URL): string {
  const { fileURLToPath } = nodeModule("node:url", url.href);
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new FileError("this file URL names no local path: give the path itself", { file: url.href }, { cause });
  }
}
