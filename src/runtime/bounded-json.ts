/** JSON text from files that may be hostile: measured before anything is built from it. */
import { FileError } from "../core/errors.ts";

/** What a text may hold at most. */
export interface JsonLimits {
  /** Characters (UTF-16 code units) of the whole text. */
  readonly length: number;
  /** Objects and lists inside each other. */
  readonly depth: number;
  /** Objects, lists and the values in them. */
  readonly values: number;
}

/** Characters of a key that messages show. */
const SHOWN_LENGTH = 60;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const SPACE = 0x20;
const BACKSLASH = 0x5c;

/**
 * `JSON.parse` within limits, so that its time and memory are bounded by them.
 *
 * @param what names the text in messages
 * @throws FileError when the text is no JSON, exceeds a limit, or holds an object with one key twice: readers would differ
 *   in which of the two they take
 */
export function parseBoundedJson(text: string, limits: JsonLimits, what: string, file: string): unknown {
  if (text.length > limits.length) {
    throw new FileError(`${what} may have at most ${limits.length} characters, got ${text.length}`, { file });
  }
  checkStructure(text, limits, what, file);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FileError(`${what} is not valid JSON (${reason}): the file is damaged`, { file }, { cause });
  }
  const repeated = repeatedKey(text);
  if (repeated === undefined) return value;
  throw new FileError(`${what} has the key ${repeated} twice in one object: the file is damaged`, { file });
}

/** The first key that an object of a valid JSON text holds twice, as it is written or its start; undefined where none does. */
function repeatedKey(text: string): string | undefined {
  const open: Set<string>[] = []; // one for each object and list around the place; those of lists stay empty
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (isOpening(code)) open.push(new Set());
    else if (isClosing(code)) open.pop();
    if (code !== QUOTE) continue;
    const start = at++;
    while (text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1;
    if (!isBeforeColon(text, at + 1)) continue;
    const quoted = text.slice(start, at + 1);
    const key: string = JSON.parse(quoted); // two spellings of one key are one key
    const keys = open[open.length - 1];
    if (keys.has(key)) return quoted.length > SHOWN_LENGTH ? `${quoted.slice(0, SHOWN_LENGTH)}…` : quoted;
    keys.add(key);
  }
  return undefined;
}

/** Whether a colon follows, which only keys are followed by; space may stand before it. */
function isBeforeColon(text: string, start: number): boolean {
  let at = start;
  while (text.charCodeAt(at) <= SPACE) at++;
  return text.charCodeAt(at) === COLON;
}

/** Counts brackets and commas outside of strings; whether they match is for the parser to say. */
function checkStructure(text: string, limits: JsonLimits, what: string, file: string): void {
  let depth = 0;
  let values = 0;
  let isInString = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (isInString) {
      if (code === BACKSLASH) at++;
      else if (code === QUOTE) isInString = false;
      continue;
    }
    if (code === QUOTE) isInString = true;
    else if (isOpening(code)) depth++;
    else if (isClosing(code)) depth--;
    if (isOpening(code) || code === COMMA) values++;
    if (depth > limits.depth) {
      throw new FileError(`${what} may nest at most ${limits.depth} levels, character ${at} opens one more`, { file });
    }
    if (values > limits.values) {
      throw new FileError(`${what} may hold at most ${limits.values} values, there are more at character ${at}`, {
        file,
      });
    }
  }
}

/** `[` or `{`, which differ in one bit. */
function isOpening(code: number): boolean {
  return (code & ~0x20) === 0x5b;
}

/** `]` or `}`, likewise. */
function isClosing(code: number): boolean {
  return (code & ~0x20) === 0x5d;
}
