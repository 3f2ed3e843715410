/** Rows of digits in a byte: what our own two formats share. */
import { ShapeError } from "../core/errors.ts";
import { checkSize } from "../core/shape.ts";
import { checkTernaryMatrix, type MatrixShape, type TernaryMatrix } from "../core/ternary-matrix.ts";
import type { Format } from "./format.ts";

/** A format that stores `digitsPerByte` trits a byte as base-`base` digits t + 1, first trit least significant, rows aligned. */
export function digitFormat(id: string, summary: string, base: number, digitsPerByte: number): Format {
  const { decoded, standsForTrits } = decodingTable(base, digitsPerByte);
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

    unpack(bytes, { outFeatures, inFeatures }, scales = Float32Array.of(1)): TernaryMatrix {
      check(bytes, { outFeatures, inFeatures });
      const trits = new Int8Array(outFeatures * inFeatures);
      let at = 0;
      for (let n = 0; n < outFeatures; n++) {
        for (let first = 0; first < inFeatures; first += digitsPerByte) {
          const code = bytes[at++] * digitsPerByte;
          const count = Math.min(digitsPerByte, inFeatures - first);
          for (let digit = 0; digit < count; digit++) trits[n * inFeatures + first + digit] = decoded[code + digit];
        }
      }
      const matrix = { outFeatures, inFeatures, trits, scales };
      checkTernaryMatrix(matrix);
      return matrix;
    },
  };

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
      if (!standsForTrits[bytes[at]]) {
        throw new ShapeError(`${id}: byte ${at} holds ${bytes[at]}, which stands for no trits`);
      }
    }
  }
}

/** Trit of each digit of each byte value, and which bytes hold trits only, padding included. */
function decodingTable(base: number, digitsPerByte: number): { decoded: Int8Array; standsForTrits: boolean[] } {
  const decoded = new Int8Array(256 * digitsPerByte);
  const standsForTrits = new Array<boolean>(256).fill(true);
  for (let byte = 0; byte < 256; byte++) {
    let rest = byte;
    for (let digit = 0; digit < digitsPerByte; digit++, rest = Math.floor(rest / base)) {
      decoded[byte * digitsPerByte + digit] = (rest % base) - 1;
      if (rest % base > 2) standsForTrits[byte] = false;
    }
    if (rest > 0) standsForTrits[byte] = false;
  }
  return { decoded, standsForTrits };
}
