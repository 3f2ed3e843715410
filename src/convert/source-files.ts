/** The files of a source, which no conversion may write over. */
import { UsageError } from "../core/errors.ts";
import { nodeModule } from "../files/index.ts";
import type { Checkpoint } from "./checkpoints/checkpoint.ts";

/** @throws UsageError when a path is the source, or one of its shards */
export async function checkNoSource(out: string, { file, files }: Pick<Checkpoint, "file" | "files">): Promise<void> {
  const path = await realPath(out);
  for (const read of files) {
    if (path !== (await realPath(read))) continue;
    throw new UsageError(`${out} is ${read === file ? "the source" : `a part of ${file}`}: give another file`);
  }
}

/** The path behind symbolic links, as far as it exists. */
export async function realPath(path: string): Promise<string> {
  const { realpath } = nodeModule("node:fs/promises", path);
  const { resolve } = nodeModule("node:path", path);
  return await realpath(path).catch(() => resolve(path));
}
