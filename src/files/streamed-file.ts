/** Files written in parts, and there in whole or not at all. Node only. */
import { FileError } from "../core/errors.ts";
import { codeOf, fileErrorOf } from "./node-file-errors.ts";
import { nodeModule } from "./node-modules.ts";

/** Chunks up to this long are written together. */
const BLOCK_BYTES = 1 << 20;

/**
 * Writes a whole file or leaves the one that is there: a crash at any moment leaves the old bytes or the new ones.
 *
 * The next chunk is asked for when the last is written or copied, so its memory may be used again, and never more than one
 * chunk and a megabyte are held. A symbolic link is followed, so that the file behind it is replaced.
 *
 * @throws FileError when it cannot be written; nothing is left behind then
 * @throws UnsupportedError outside of Node
 * @throws whatever `chunks` throw, as it is; nothing is left behind then either
 */
export async function writeFileStreamed(
  path: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  const { open, rename, rm } = nodeModule("node:fs/promises", path);
  const source: ChunkSource = {};
  let temporary: string | undefined;
  try {
    const target = await replaceableTarget(path);
    const unused = `${target}.${crypto.randomUUID()}.tmp`; // beside the target: a rename is atomic within one file system
    {
      await using handle = await open(unused, "wx");
      temporary = unused;
      // At its position, so each is appended to what is there.
      for await (const block of joinSmall(watchFailure(chunks, source))) await handle.writeFile(block);
      await handle.sync(); // else a power cut after the rename could leave an empty file
    }
    await rename(temporary, target);
  } catch (cause) {
    const error = source.failure === undefined ? fileErrorOf(cause, path, "written") : source.failure.reason;
    if (temporary === undefined) throw error;
    await rm(temporary, { force: true }).catch((left: unknown) => {
      const problem = error instanceof Error ? error.message : String(error);
      const also = `the temporary file ${temporary} could not be removed either`;
      throw new FileError(`${problem}; ${also}`, { file: path }, { cause: new AggregateError([error, left]) });
    });
    throw error;
  }
}

interface ChunkSource {
  failure?: { readonly reason: unknown };
}

/** Passes chunks on and notes what they throw: that is the caller's own error, not one of the file system. */
async function* watchFailure(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  source: ChunkSource,
): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch (reason) {
    source.failure = { reason };
    throw reason;
  }
}

/** Joins small chunks: one call into the system for each of a million rows would take minutes. */
async function* joinSmall(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const block = new Uint8Array(BLOCK_BYTES);
  let filled = 0;
  for await (const chunk of chunks) {
    if (filled + chunk.length > BLOCK_BYTES) {
      yield block.subarray(0, filled);
      filled = 0;
    }
    if (chunk.length > BLOCK_BYTES) yield chunk;
    else {
      block.set(chunk, filled);
      filled += chunk.length;
    }
  }
  yield block.subarray(0, filled);
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
