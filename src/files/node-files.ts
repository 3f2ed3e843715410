/** Files by path: read whole, written whole or not at all. Node only. */
import { FileError } from "../core/errors.ts";
import { nodeModule } from "./node-modules.ts";

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
    for (let offset = 0; offset < size; ) {
      signal?.throwIfAborted();
      const { bytesRead } = await handle.read(bytes, offset, Math.min(CHUNK_BYTES, size - offset), offset);
      if (bytesRead === 0) {
        throw new FileError(`expected ${size} bytes: the file became shorter while it was read`, {
          file: path,
          offset,
        });
      }
      offset += bytesRead;
    }
    return bytes;
  } catch (cause) {
    if (signal?.aborted) throw signal.reason;
    throw fileErrorOf(cause, path, "read");
  }
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
  const { open, rename, rm } = nodeModule("node:fs/promises", path);
  let temporary: string | undefined;
  try {
    const target = await replaceableTarget(path);
    const unused = `${target}.${crypto.randomUUID()}.tmp`; // beside the target: a rename is atomic within one file system
    {
      await using handle = await open(unused, "wx");
      temporary = unused;
      await handle.writeFile(bytes);
      await handle.sync(); // else a power cut after the rename could leave an empty file
    }
    await rename(temporary, target);
  } catch (cause) {
    const error = fileErrorOf(cause, path, "written");
    if (temporary === undefined) throw error;
    await rm(temporary, { force: true }).catch((left: unknown) => {
      const also = `the temporary file ${temporary} could not be removed either`;
      throw new FileError(`${error.message}; ${also}`, { file: path }, { cause: new AggregateError([cause, left]) });
    });
    throw error;
  }
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

/** Refuses what a rename would destroy, such as a device or a folder. */
async function replaceableTarget(path: string): Promise<string> {
  const { realpath, stat } = nodeModule("node:fs/promises", path);
  let target: string;
  try {
    target = await realpath(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return path; // nothing there yet
    throw error;
  }
  if (!(await stat(target)).isFile()) throw new FileError("this is no regular file: give another path", { file: path });
  return target;
}

function fileErrorOf(cause: unknown, file: string, verb: "read" | "written"): FileError {
  if (cause instanceof FileError) return cause;
  const reasons: Record<string, string> = {
    ENOENT: verb === "read" ? "there is no such file: check the path" : "there is no such folder: create it first",
    ENOTDIR: "a part of the path is a file, not a folder: check the path",
    EACCES: "the permission is missing: check the file's owner and mode",
    EPERM: "the permission is missing: check the file's owner and mode",
    ENOSPC: "the disk is full: free some space",
    EROFS: "the disk is read-only: give another path",
  };
  const reason = reasons[codeOf(cause) ?? ""] ?? (cause instanceof Error ? cause.message : String(cause));
  return new FileError(`it cannot be ${verb}: ${reason}`, { file }, { cause });
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
