/** Rows of digits in a byte: what our own two formats share. */
import { ShapeError } from "../core/errors.ts";
import { checkSize } from "../core/shape.ts";
import { checkTernaryMatrix, type MatrixShape, type TernaryMatrix } from "../core/ternary-matrix.ts";
import type { Format } from "./format.ts";

/** A format that stores `digitsPerByte` trits a byte as base-`base` digits t + 1, first trit least significant, rows aligned. */
export function digitFormat(id: string, summary: string, base: number, digitsPerByte: number): Format {
  const { decoded, firstFour, standsForTrits } = decodingTable(base, digitsPerByte);
  const rowBytes = (inFeatures: number): number => Math.ceil(inFeatures / digitsPerByte);
  const byteLength = ({ outFeatures, inFeatures }: MatrixShape): number => outFeatures * rowBytes(inFeatures);
  return {
    id,
    summary,
    bitsPerWeight: 8 / digitsPerByte,
    byteLength,

    pack(matrix) {
      checkTernaryMatrix(matrix);
      const { outFeatures, inFeatures, trits } = matrix;
      const bytes = new Uint8Array(byteLength({ outFeatures, inFeatures }));
      let at = 0;
      for (let n = 0; n < outFeatures; n++) {
        for (let first = 0; first < inFeatures; first += digitsPerByte) {
          let byte = 0;
          for (let digit = digitsPerByte - 1; digit >= 0; digit--) {
            const k = first + digit;
            byte = byte * base + 1 + (k < inFeatures ? trits[n * inFeatures + k] : 0);
          }
          bytes[at++] = byte;
        }
      }
      return bytes;
    },

    check,

    unpackRows,

    unpack(bytes, { outFeatures, inFeatures }, scales = Float32Array.of(1)): TernaryMatrix {
      check(bytes, { outFeatures, inFeatures });
      const trits = unpackRows(bytes, { outFeatures, inFeatures }, 0, outFeatures);
      const matrix = { outFeatures, inFeatures, trits, scales };
      checkTernaryMatrix(matrix);
      return matrix;
    },
  };

  /** Writes four trits at once, from a table, and what else a byte holds one by one. */
  function unpackRows(bytes: Uint8Array, { inFeatures }: MatrixShape, first: number, count: number): Int8Array {
    const trits = new Int8Array(count * inFeatures);
    const words = new DataView(trits.buffer);
    const wholeBytes = Math.floor(inFeatures / digitsPerByte);
    let from = first * rowBytes(inFeatures);
    let to = 0;
    for (let row = 0; row < count; row++) {
      for (const end = from + wholeBytes; from < end; from++, to += digitsPerByte) {
        const byte = bytes[from];
        words.setUint32(to, firstFour[byte], true);
        for (let digit = 4; digit < digitsPerByte; digit++) trits[to + digit] = decoded[byte * digitsPerByte + digit];
      }
      const tail = inFeatures - wholeBytes * digitsPerByte;
      for (let digit = 0; digit < tail; digit++) trits[to++] = decoded[bytes[from] * digitsPerByte + digit];
      if (tail > 0) from++;
    }
    return trits;
  }

  function check(bytes: Uint8Array, { outFeatures, inFeatures }: MatrixShape): void {
    checkSize("outFeatures", outFeatures);
    checkSize("inFeatures", inFeatures);
    const expected = byteLength({ outFeatures, inFeatures });
    if (bytes.length !== expected) {
      throw new ShapeError(
        `${id} needs ${expected} bytes for ${outFeatures} x ${inFeatures} trits, got ${bytes.length}`,
      );
    }
    for (let at = 0; at < expected; at++) {
      if (standsForTrits[bytes[at]] === 0) {
        throw new ShapeError(`${id}: byte ${at} holds ${bytes[at]}, which stands for no trits`);
      }
    }
  }
}

/**
 * Trit of each digit of each byte value, the first four of them as the bytes of a little-endian word, and which bytes hold
 * trits only, padding included.
 */
function decodingTable(
  base: number,
  digitsPerByte: number,
): { decoded: Int8Array; firstFour: Uint32Array; standsForTrits: Uint8Array } {
  const decoded = new Int8Array(256 * digitsPerByte);
  const standsForTrits = new Uint8Array(256).fill(1);
  for (let byte = 0; byte < 256; byte++) {
    let rest = byte;
    for (let digit = 0; digit < digitsPerByte; digit++, rest = Math.floor(rest / base)) {
      decoded[byte * digitsPerByte + digit] = (rest % base) - 1;
      if (rest % base > 2) standsForTrits[byte] = 0;
    }
    if (rest > 0) standsForTrits[byte] = 0;
  }
  const bytes = new DataView(decoded.buffer);
  const firstFour = Uint32Array.from({ length: 256 }, (_, byte) => bytes.getUint32(byte * digitsPerByte, true));
  return { decoded, firstFour, standsForTrits };
}
