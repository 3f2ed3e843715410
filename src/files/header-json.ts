/**
 * JSON in headers, read by its grammar instead of by `JSON.parse`: duplicated keys, nesting and foreign values are refused at
 * the byte where they stand, before anything is built from them.
 */
import type { HeaderCursor } from "./header-cursor.ts";
import { excerpt, isWellFormed } from "./utf8.ts";

const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Reads a JSON object; `readMember` reads the value of the key it is given, which stands at index `at`.
 *
 * @param seen an empty set for the keys, or an old one to be emptied: a million tensors should not cost a million sets
 */
export function readObject(
  cursor: HeaderCursor,
  what: string,
  seen: Set<string>,
  readMember: (key: string, at: number) => void,
): void {
  seen.clear();
  cursor.expect("{", `to open ${what}`);
  if (cursor.take("}")) return;
  do {
    cursor.skipWhitespace();
    const at = cursor.at;
    const key = readString(cursor, `a key of ${what}, in double quotes`);
    if (seen.has(key)) cursor.fail(`key ${excerpt(key)} appears twice in ${what}: remove one of the two`, at);
    seen.add(key);
    cursor.expect(":", "after a key");
    readMember(key, at);
  } while (cursor.take(","));
  cursor.expect("}", `to close ${what}`);
}

/** Reads a JSON string. @throws FileError when something else is next, or it is no Unicode text */
export function readString(cursor: HeaderCursor, what: string): string {
  cursor.skipWhitespace();
  const { text, at } = cursor;
  if (text.charCodeAt(at) !== QUOTE) cursor.failExpecting(what);
  let end = at + 1;
  let isPlain = true;
  for (let code = text.charCodeAt(end); code !== QUOTE && end < text.length; code = text.charCodeAt(end)) {
    if (code === BACKSLASH || code < SPACE) isPlain = false;
    end += code === BACKSLASH ? 2 : 1;
  }
  if (end >= text.length) cursor.fail("this text has no closing quote: the header is damaged", at);
  const value = isPlain ? text.slice(at + 1, end) : parseString(cursor, text.slice(at, end + 1));
  cursor.at = end + 1;
  return value;
}

/** Reads a quoted text with escapes, or refuses it for its control characters. */
function parseString(cursor: HeaderCursor, literal: string): string {
  let value: string;
  try {
    value = JSON.parse(literal); // of something in quotes, so a string or no JSON
  } catch (cause) {
    cursor.fail(`${excerpt(literal)} is no JSON string`, cursor.at, { cause });
  }
  if (!isWellFormed(value)) cursor.fail("this text holds half of a surrogate pair, which is no character");
  return value;
}
