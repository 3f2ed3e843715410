/** The values of ONNX tensors as little-endian bytes, wherever and however the file holds them. */
import { FileError } from "../../core/errors.ts";
import { elementByteLengths } from "../element-types.ts";
import { shorten } from "../header-cursor.ts";
import type { RangeSource } from "../ranges.ts";
import type { StoredOnnxTensor } from "./tensor-proto.ts";
import { type ByteRange, MAX_VARINT_BYTES, signedOf, varintAt } from "./wire-reader.ts";

const WINDOW_BYTES = 1 << 20;

/** Where a scan of varints stands: element `index` begins at byte `at` of piece `piece`. */
interface ScanPosition {
  readonly index: number;
  readonly piece: number;
  readonly at: number;
}

/** Reads bytes `[begin, end)` of a tensor whose bytes lie in the file itself, one piece after the other. */
export async function readPieces(
  source: RangeSource,
  pieces: readonly ByteRange[],
  begin: number,
  end: number,
): Promise<Uint8Array> {
  if (pieces.length === 1) return await source.read(pieces[0].begin + begin, end - begin);
  const bytes = new Uint8Array(end - begin);
  let start = 0; // of the piece, in bytes of the tensor
  for (const piece of pieces) {
    const length = piece.end - piece.begin;
    const [from, to] = [Math.max(begin, start), Math.min(end, start + length)];
    if (from < to) bytes.set(await source.read(piece.begin + from - start, to - from), from - begin);
    start += length;
  }
  return bytes;
}

/**
 * Elements that are varints, as little-endian bytes. Where one begins is known only when all before it were read, so each
 * reader keeps the place where the last read ended: reading a tensor in order takes one pass.
 */
export class VarintElements {
  readonly #source: RangeSource;
  readonly #tensor: StoredOnnxTensor;
  readonly #pieces: readonly ByteRange[];
  readonly #size: number;
  #last: ScanPosition;

  constructor(source: RangeSource, tensor: StoredOnnxTensor, pieces: readonly ByteRange[]) {
    this.#source = source;
    this.#tensor = tensor;
    this.#pieces = pieces;
    this.#size = tensor.dtype === undefined ? 1 : elementByteLengths[tensor.dtype];
    this.#last = { index: 0, piece: 0, at: pieces[0]?.begin ?? 0 };
  }

  /** Bytes `[begin, end)`. @throws FileError when the file has other than as many values as the shape says */
  async read(begin: number, end: number): Promise<Uint8Array> {
    const size = this.#size;
    const first = Math.floor(begin / size);
    const last = Math.ceil(end / size);
    const bytes = new Uint8Array((last - first) * size);
    const view = new DataView(bytes.buffer);
    const start = this.#last.index <= first ? this.#last : { index: 0, piece: 0, at: this.#pieces[0]?.begin ?? 0 };
    await this.#scan(start, last, (index, value) => {
      if (index >= first) this.#store(view, (index - first) * size, value, index);
    });
    return bytes.subarray(begin - first * size, end - first * size);
  }

  async #scan(start: ScanPosition, last: number, visit: (index: number, value: bigint) => void): Promise<void> {
    let { index, piece, at } = start;
    while (index < last) {
      const range = this.#pieces[piece];
      if (range === undefined) this.#fail(`it has ${index} values, fewer than its shape says`, at);
      if (at === range.end) {
        piece++;
        at = this.#pieces[piece]?.begin ?? at;
        continue;
      }
      const window = await this.#source.read(at, Math.min(WINDOW_BYTES, range.end - at));
      const isWhole = at + window.length === range.end;
      let used = 0;
      while (index < last && used < window.length && (isWhole || used + MAX_VARINT_BYTES <= window.length)) {
        const found = varintAt(window, used);
        if (!found) this.#fail("expected a number of at most 64 bits", at + used);
        visit(index++, found.value);
        used = found.next;
      }
      at += used;
    }
    this.#last = { index, piece, at };
    const isEnd = index * this.#size === this.#tensor.byteLength;
    if (isEnd && this.#pieces.slice(piece).some((range, i) => (i === 0 ? at : range.begin) < range.end)) {
      this.#fail(`it has more than the ${index} values that its shape says`, at);
    }
  }

  /** The lowest bytes of the number, which must be all of it but its sign. */
  #store(view: DataView, at: number, value: bigint, index: number): void {
    if (this.#size === 8) {
      view.setBigUint64(at, value, true);
      return;
    }
    const number = Number(signedOf(value));
    const range = 2 ** (8 * this.#size);
    if (!(number >= -range / 2 && number < range)) {
      this.#fail(`value ${index} does not fit ${this.#tensor.typeName}, got ${number}`, this.#tensor.offset);
    }
    if (this.#size === 4) view.setInt32(at, number, true);
    else if (this.#size === 2) view.setInt16(at, number, true);
    else view.setInt8(at, number);
  }

  #fail(message: string, offset: number): never {
    const location = { file: this.#source.file, offset, tensor: shorten(this.#tensor.name) };
    throw new FileError(`${message}: the file is damaged`, location);
  }
}
