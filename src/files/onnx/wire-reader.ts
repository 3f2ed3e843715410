/**
 * Protocol buffers of any size: the fields of a message one after the other, without reading what is skipped.
 *
 * A field is a varint key, number · 8 + wire type, and its payload: a varint (0), 8 bytes (1), a length and as many bytes
 * (2), or 4 bytes (5). Groups (3, 4) are in no file that is read here. Messages are walked one level at a time by whoever
 * knows what they hold, so a file cannot nest deeper than its reader does.
 *
 * https://protobuf.dev/programming-guides/encoding
 */
import { FileError } from "../../core/errors.ts";
import type { RangeSource } from "../ranges.ts";
import { decodeUtf8 } from "../utf8.ts";

/** A whole number in seven bits a byte. */
export const VARINT = 0;
/** 8 bytes. */
export const FIXED64 = 1;
/** A length and as many bytes: texts, messages, packed lists. */
export const BYTES = 2;
/** 4 bytes. */
export const FIXED32 = 5;

/** Bytes `[begin, end)` of the file. */
export interface ByteRange {
  readonly begin: number;
  readonly end: number;
}

/** One field: its number, and the bytes of its payload. */
export interface WireField extends ByteRange {
  readonly number: number;
  readonly wireType: typeof VARINT | typeof FIXED64 | typeof BYTES | typeof FIXED32;
  /** Of a varint; 0 for all others. */
  readonly value: bigint;
  /** Where its key stands. */
  readonly start: number;
}

/** A varint and the index after it. */
export interface Varint {
  readonly value: bigint;
  readonly next: number;
}

/** Bytes of the longest varint. */
export const MAX_VARINT_BYTES = 10;

const WINDOW_BYTES = 1 << 16;
const MAX_NAME_BYTES = 1 << 16;
const SIGN_BIT = 63n;

/** Walks over the messages of one file. */
export class WireReader {
  readonly #source: RangeSource;
  #window: Uint8Array = new Uint8Array(0);
  #windowStart = 0;

  constructor(source: RangeSource) {
    this.#source = source;
  }

  /** Path or name for messages. */
  get file(): string {
    return this.#source.file;
  }

  /** The fields of the message in a range, in the order of the file. @throws FileError at the byte that does not belong */
  async *fields({ begin, end }: ByteRange): AsyncGenerator<WireField> {
    for (let at = begin; at < end; ) {
      const field = await this.#fieldAt(at, end);
      yield field;
      at = field.end;
    }
  }

  /** A text. @throws FileError when it is not UTF-8 or longer than `most` bytes */
  async text(field: WireField, what: string, most: number = MAX_NAME_BYTES): Promise<string> {
    const { begin, end } = this.expect(field, BYTES, what);
    if (end - begin > most) {
      this.fail(`${what} has at most ${most} bytes, got ${end - begin}: the file is damaged`, field.start);
    }
    return decodeUtf8(await this.#bytes(begin, end - begin), { file: this.file, offset: begin });
  }

  /** A float32. @throws FileError when the field is of another type */
  async float32(field: WireField, what: string): Promise<number> {
    const { begin } = this.expect(field, FIXED32, what);
    const bytes = await this.#bytes(begin, 4);
    return new DataView(bytes.buffer, bytes.byteOffset).getFloat32(0, true);
  }

  /** Signed whole numbers of a list, rounded like `integer`: a field holds one or, packed, several. @throws FileError when they may be more than `most` */
  async integers(field: WireField, what: string, most: number): Promise<number[]> {
    if (field.wireType === VARINT) return [this.integer(field, what)];
    const { begin, end } = this.expect(field, BYTES, what);
    if (end - begin > most * MAX_VARINT_BYTES) this.fail(`${what}: at most ${most} values, got more`, begin);
    const bytes = await this.#bytes(begin, end - begin);
    const values: number[] = [];
    for (let at = 0; at < bytes.length; ) {
      const { value, next } = this.#varint(bytes, at, begin);
      values.push(Number(signedOf(value)));
      at = next;
    }
    return values;
  }

  /** A signed whole number, rounded beyond 2^53 in magnitude. @throws FileError when the field is of another type */
  integer(field: WireField, what: string): number {
    return Number(signedOf(this.expect(field, VARINT, what).value));
  }

  /** The field itself. @throws FileError when it is of another wire type */
  expect(field: WireField, wireType: WireField["wireType"], what: string): WireField {
    if (field.wireType === wireType) return field;
    const problem = `${what} has wire type ${wireType}, got ${field.wireType}`;
    this.fail(`${problem}: the file is damaged or of another kind`, field.start);
  }

  /** Throws a `FileError` at a byte. */
  fail(message: string, offset: number): never {
    throw new FileError(message, { file: this.file, offset });
  }

  async #fieldAt(start: number, end: number): Promise<WireField> {
    const head = await this.#bytes(start, Math.min(2 * MAX_VARINT_BYTES, end - start));
    const key = this.#varint(head, 0, start);
    const number = Number(key.value >> 3n);
    const wireType = Number(key.value & 7n);
    if (number === 0 || key.value >= 1n << 32n) {
      this.fail(`the key ${key.value} names no field: the file is damaged or of another kind`, start);
    }
    if (wireType === FIXED32 || wireType === FIXED64) {
      const byteLength = wireType === FIXED32 ? 4 : 8;
      const begin = start + key.next;
      if (byteLength > end - begin) this.#failBeyond(`${byteLength} bytes`, number, start, end);
      return { number, wireType, value: 0n, start, begin, end: begin + byteLength };
    }
    if (wireType !== VARINT && wireType !== BYTES) {
      this.fail(`wire type ${wireType} is not in use: the file is damaged or of another kind`, start);
    }
    const { value, next } = this.#varint(head, key.next, start);
    const begin = start + next;
    if (wireType === VARINT) return { number, wireType, value, start, begin: start + key.next, end: begin };
    if (value > BigInt(end - begin)) this.#failBeyond(`${value} bytes`, number, start, end);
    return { number, wireType, value: 0n, start, begin, end: begin + Number(value) };
  }

  #failBeyond(claimed: string, number: number, start: number, end: number): never {
    const problem = `field ${number} claims ${claimed}, but what it is in ends at byte ${end}`;
    this.fail(`${problem}: the file is truncated or damaged; copy or download it again`, start);
  }

  #varint(bytes: Uint8Array, at: number, start: number): Varint {
    const found = varintAt(bytes, at);
    if (found) return found;
    const problem = `expected a number of at most 64 bits that ends before byte ${start + bytes.length}`;
    this.fail(`${problem}: the file is truncated or damaged`, start + at);
  }

  /** Small reads: they come out of a window, which a file of many small fields is read by. */
  async #bytes(offset: number, byteLength: number): Promise<Uint8Array> {
    const from = offset - this.#windowStart;
    if (from < 0 || from + byteLength > this.#window.length) {
      const wanted = Math.min(Math.max(WINDOW_BYTES, byteLength), this.#source.byteLength - offset);
      this.#window = await this.#source.read(offset, Math.max(wanted, byteLength));
      this.#windowStart = offset;
      return this.#window.subarray(0, byteLength);
    }
    return this.#window.subarray(from, from + byteLength);
  }
}

/** The varint at an index; undefined where it does not end within the bytes or has more than 64 bits. */
export function varintAt(bytes: Uint8Array, at: number): Varint | undefined {
  let low = 0; // the first seven bytes, 49 bits, fit a float64
  for (let i = 0, factor = 1; i < 7 && at + i < bytes.length; i++, factor *= 128) {
    const byte = bytes[at + i];
    low += (byte & 127) * factor;
    if (byte < 128) return { value: BigInt(low), next: at + i + 1 };
  }
  let value = BigInt(low);
  for (let i = 7; i < MAX_VARINT_BYTES && at + i < bytes.length; i++) {
    const byte = bytes[at + i];
    if (i === MAX_VARINT_BYTES - 1 && byte > 1) return undefined;
    value |= BigInt(byte & 127) << BigInt(7 * i);
    if (byte < 128) return { value, next: at + i + 1 };
  }
  return undefined;
}

/** Negative numbers are written as 64-bit two's complement. */
export function signedOf(value: bigint): bigint {
  return value >> SIGN_BIT === 0n ? value : value - (1n << (SIGN_BIT + 1n));
}
