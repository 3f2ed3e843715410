/** Little-endian bytes written one after the other, without knowing how many there will be. */
import { UsageError } from "../../core/errors.ts";
import { excerpt, isWellFormed } from "../utf8.ts";

/** A buffer that doubles when it is full. */
export class GrowingBytes {
  readonly #encoder = new TextEncoder();
  #view = new DataView(new ArrayBuffer(1 << 12));
  #length = 0;

  uint32(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  uint64(value: number): void {
    this.#reserve(8);
    this.#view.setBigUint64(this.#length, BigInt(value), true);
    this.#length += 8;
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    new Uint8Array(this.#view.buffer).set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Its length, then its UTF-8 bytes, whose number is returned. @throws UsageError for what has no UTF-8 form */
  text(text: string, what: string): number {
    if (typeof text !== "string" || !isWellFormed(text)) {
      throw new UsageError(`${what} must be Unicode text, got ${excerpt(String(text))}`);
    }
    this.#reserve(8 + 3 * text.length); // a UTF-16 unit takes at most three bytes
    const { written } = this.#encoder.encodeInto(text, new Uint8Array(this.#view.buffer, this.#length + 8));
    this.uint64(written);
    this.#length += written;
    return written;
  }

  /** All bytes so far; a view. */
  written(): Uint8Array {
    return new Uint8Array(this.#view.buffer, 0, this.#length);
  }

  #reserve(byteLength: number): void {
    const needed = this.#length + byteLength;
    if (needed <= this.#view.byteLength) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#view.byteLength));
    larger.set(this.written());
    this.#view = new DataView(larger.buffer);
  }
}
