/** A reading position in the header of a GGUF file, which is read in parts as the position moves. */
import { FileError } from "../../core/errors.ts";
import { shorten } from "../header-cursor.ts";
import type { RangeSource } from "../ranges.ts";

/** Longest header that is read: eight times what the largest vocabularies need, and all that can be in memory at once. */
export const MAX_HEADER_BYTES: number = 2 ** 27;

const WINDOW_BYTES = 1 << 18;

/**
 * Walks over a header; failures are `FileError`s with the file, the byte and, where set, the tensor.
 *
 * `need` reads ahead, and the methods that take values follow it, so that most values cost no `await`.
 */
export class GgufCursor {
  /** The tensor that is being read, for messages. */
  tensor: string | undefined;
  readonly #source: RangeSource;
  readonly #end: number;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  #window = new DataView(new ArrayBuffer(0));
  #windowStart = 0;
  #at = 0;

  constructor(source: RangeSource) {
    this.#source = source;
    this.#end = Math.min(source.byteLength, MAX_HEADER_BYTES);
  }

  /** Byte of the file that is read next. */
  get at(): number {
    return this.#windowStart + this.#at;
  }

  /** Whether the next bytes are read already. */
  has(byteLength: number): boolean {
    return byteLength <= this.#window.byteLength - this.#at;
  }

  /** Reads ahead. @throws FileError when the file, or the longest header allowed, ends before */
  async need(byteLength: number, what: string): Promise<void> {
    if (this.has(byteLength)) return;
    const { at } = this;
    if (byteLength > this.#end - at) this.#failAtEnd(byteLength, what);
    const part = await this.#source.read(at, Math.min(Math.max(byteLength, WINDOW_BYTES), this.#end - at));
    const copy = new Uint8Array(part); // a source in memory may be shared, and must not change between check and use
    this.#window = new DataView(copy.buffer);
    this.#windowStart = at;
    this.#at = 0;
  }

  /** A 32-bit number that `need` has seen to. */
  uint32(): number {
    this.#at += 4;
    return this.#window.getUint32(this.#at - 4, true);
  }

  /** A 64-bit number that `need` has seen to. @throws FileError above `most` */
  uint64(what: string, most: number = Number.MAX_SAFE_INTEGER): number {
    const value = this.#window.getBigUint64(this.#at, true);
    if (value > most) this.fail(`${what} is ${value}, at most ${most} is possible here: the header is damaged`);
    this.#at += 8;
    return Number(value);
  }

  /** A 64-bit count of things that take at least `leastBytes` each. @throws FileError for more than what is left can hold */
  count(what: string, leastBytes: number, most: number = Number.POSITIVE_INFINITY): number {
    return this.uint64(what, Math.min(most, Math.floor((this.#end - this.at - 8) / leastBytes)));
  }

  /** Bytes that `need` has seen to; a copy. */
  bytes(byteLength: number): Uint8Array<ArrayBuffer> {
    this.#at += byteLength;
    return new Uint8Array(this.#window.buffer.slice(this.#at - byteLength, this.#at) as ArrayBuffer);
  }

  /** A text with its length before it. @throws FileError when it is longer than allowed or not UTF-8 */
  async text(what: string, mostBytes?: number): Promise<string> {
    if (!this.has(8)) await this.need(8, what);
    const byteLength = this.count(`the length of ${what}`, 1, mostBytes);
    if (!this.has(byteLength)) await this.need(byteLength, what);
    try {
      return this.#decoder.decode(new Uint8Array(this.#window.buffer, this.#at, byteLength));
    } catch (cause) {
      this.fail(`the ${byteLength} bytes of ${what} are not UTF-8: the file is damaged`, this.at, { cause });
    } finally {
      this.#at += byteLength;
    }
  }

  /** Throws a `FileError` at byte `at`. */
  fail(message: string, at: number = this.at, options?: ErrorOptions): never {
    const tensor = this.tensor === undefined ? {} : { tensor: shorten(this.tensor) };
    throw new FileError(message, { file: this.#source.file, offset: at, ...tensor }, options);
  }

  #failAtEnd(byteLength: number, what: string): never {
    const { byteLength: size } = this.#source;
    const isTooLong = this.#end < size;
    const problem = `${what} needs ${byteLength} bytes here, ${this.#end - this.at} are left`;
    const reason = isTooLong
      ? `of the ${MAX_HEADER_BYTES} that a header may take`
      : `of ${size}: the file is truncated`;
    this.fail(`${problem} ${reason}`);
  }
}
