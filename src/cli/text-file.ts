/** Texts to learn from. */
import { stat } from "node:fs/promises";
import { loadTinyShakespeare } from "../datasets/index.ts";
import { readText } from "../files/index.ts";

/**
 * The text of a file, or of `input.txt` in a directory.
 *
 * @throws FileError when it is absent, longer than 64 MiB or not UTF-8
 */
export async function readTextOf(path: string): Promise<string> {
  const status = await stat(path).catch(() => undefined); // absent: reading it says so
  return status?.isDirectory() ? await loadTinyShakespeare(path) : await readText(path);
}
