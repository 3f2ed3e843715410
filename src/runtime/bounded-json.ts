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

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;

/**
 * `JSON.parse` within limits, so that its time and memory are bounded by them.
 *
 * @param what names the text in messages
 * @throws FileError when the text is no JSON or exceeds a limit
 */
export function parseBoundedJson(text: string, limits: JsonLimits, what: string, file: string): unknown {
  if (text.length > limits.length) {
    throw new FileError(`${what} may have at most ${limits.length} characters, got ${text.length}`, { file });
  }
  checkStructure(text, limits, what, file);
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FileError(`${what} is not valid JSON (${reason}): the file is damaged`, { file }, { cause });
  }
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
