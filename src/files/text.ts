/** Text files. */
import { type ByteSource, readBytes } from "./source.ts";
import { decodeUtf8 } from "./utf8.ts";

const MAX_TEXT_BYTE_LENGTH = 64 * 2 ** 20;

/**
 * The text of a source, without its byte order mark.
 *
 * @throws FileError when it cannot be had, is longer than 64 MiB or not UTF-8
 * @throws UnsupportedError when the source is of a kind that cannot be read here
 */
export async function readText(source: ByteSource): Promise<string> {
  const { bytes, file } = await readBytes(source, { maxByteLength: MAX_TEXT_BYTE_LENGTH });
  return decodeUtf8(bytes, { file }).replace(/^\uFEFF/, "");
}
