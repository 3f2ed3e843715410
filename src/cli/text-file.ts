/** Texts to learn from. */
import { stat } from "node:fs/promises";
import { FileError } from "../core/errors.ts";
import { loadTinyShakespeare } from "../datasets/index.ts";
import { readBytes } from "../files/index.ts";

const MAX_TEXT_BYTE_LENGTH = 64 * 2 ** 20;

/**
 * The text of a file, or of `input.txt` in a directory.
 *
 * @throws FileError when it is absent, longer than 64 MiB or not UTF-8
 */
export async function readText(path: string): Promise<string> {
  const status = await stat(path).catch(() => undefined); // absent: reading it says so
  if (status?.isDirectory()) return await loadTinyShakespeare(path);
  const { bytes } = await readBytes(path, { maxByteLength: MAX_TEXT_BYTE_LENGTH });
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new FileError("expected text in UTF-8: save it so", { file: path }, { cause });
  }
}
