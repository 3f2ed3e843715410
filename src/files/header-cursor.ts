/** A reading position in the text header of a file. Readers ask for exactly what their format allows and nothing else,
 * so nesting is bounded by the reader, and the first byte that does not belong is the one the error names. */
import { FileError } from "../core/errors.ts";
import { decodeUtf8, excerpt, utf8ByteLength } from "./utf8.ts";

/** Walks over a header's text; failures are `FileError`s with the file, the byte and, where set, the tensor. */
export class HeaderCursor {
  readonly text: string;
  /** Index into `text` of the next character. */
  at = 0;
  /** The tensor that is being read, for messages. */
  tensor: string | undefined;
  readonly #file: string;
  readonly #start: number;

  /** @throws FileError when bytes `[start, end)` are not UTF-8 */
  constructor(bytes: Uint8Array, start: number, end: number, file: string) {
    this.text = decodeUtf8(bytes.subarray(start, end), { file, offset: start });
    this.#file = file;
    this.#start = start;
  }

  /** Moves over spaces, tabs and line ends, which both JSON and Python allow between words. */
  skipWhitespace(): void {
    while (isSpace(this.text.charCodeAt(this.at))) this.at++;
  }

  /** Skips whitespace, then `token` if it is next; says whether it was. */
  take(token: string): boolean {
    this.skipWhitespace();
    if (!this.text.startsWith(token, this.at)) return false;
    this.at += token.length;
    return true;
  }

  /** Skips whitespace and `token`. @throws FileError when something else is next */
  expect(token: string, where: string): void {
    if (!this.take(token)) this.failExpecting(`${JSON.stringify(token)} ${where}`);
  }

  /** Skips whitespace. @throws FileError when anything else is left */
  expectEnd(): void {
    this.skipWhitespace();
    if (this.at < this.text.length) this.failExpecting("only spaces after the header's closing brace");
  }

  /** Reads decimal digits. @throws FileError unless they are a whole number from 0 to 2⁵³ - 1 without sign or fraction */
  wholeNumber(what: string): number {
    this.skipWhitespace();
    let end = this.at;
    while (isDigit(this.text.charCodeAt(end))) end++;
    const digits = this.text.slice(this.at, end);
    const hasLeadingZero = digits.length > 1 && digits.startsWith("0");
    const hasMore = end < this.text.length && ".eE".includes(this.text.charAt(end));
    if (digits === "" || hasLeadingZero || hasMore || !Number.isSafeInteger(Number(digits))) {
      this.failExpecting(`${what}, a whole number from 0 to 2^53 - 1`);
    }
    this.at = end;
    return Number(digits);
  }

  /** Throws what was expected against what is next. */
  failExpecting(what: string): never {
    const rest = this.text.slice(this.at, this.at + 24);
    const found = rest === "" ? "the end of the header" : excerpt(rest);
    this.fail(`expected ${what}, got ${found}: the header is damaged or the file is of another kind`);
  }

  /** Throws a `FileError` at the character with index `at`. */
  fail(message: string, at: number = this.at, options?: ErrorOptions): never {
    const offset = this.#start + utf8ByteLength(this.text.slice(0, at));
    const tensor = this.tensor === undefined ? {} : { tensor: shorten(this.tensor) };
    throw new FileError(message, { file: this.#file, offset, ...tensor }, options);
  }
}

/** A tensor name cut to what a message can carry; a hostile one may have millions of characters. */
export function shorten(name: string): string {
  return name.length <= 200 ? name : `${name.slice(0, 200)}...`;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}
