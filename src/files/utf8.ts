/** Text inside files: strict UTF-8. */
import { FileError, type FileLocation } from "../core/errors.ts";

/**
 * Decodes UTF-8 and keeps a byte order mark as a character.
 *
 * @throws FileError at `location` when the bytes are not UTF-8, or more than one string can hold
 */
export function decodeUtf8(bytes: Uint8Array, location: FileLocation): string {
  // A decoder takes no shared memory in browsers, and others must not change the text while it is checked: copy first.
  const copy = new Uint8Array(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(copy);
  } catch (cause) {
    const problem = `${bytes.length} bytes here must be UTF-8 text (of at most 2^29 characters) and are not`;
    throw new FileError(`${problem}: the file is damaged or of another kind`, location, { cause });
  }
}

/** Bytes that `text` takes in UTF-8. */
export function utf8ByteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** Whether a string has a UTF-8 form: no half of a surrogate pair stands alone. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/** A word of a file, quoted and cut to what fits in a message. */
export function excerpt(text: string, maxLength = 60): string {
  return JSON.stringify(text.length <= maxLength ? text : `${text.slice(0, maxLength)}...`);
}
