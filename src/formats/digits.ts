/** Rows of digits in a byte: what our own two formats share. */
import { ShapeError } from "../core/errors.ts";
import type { MatrixShape, TernaryMatrix } from "../core/ternary-matrix.ts";
import type { Format } from "./format.ts";

/** A format that stores `digitsPerByte` trits a byte as base-`base` digits t + 1, first trit least significant, rows aligned. */
export function digitFormat(id: string, summary: string, base: number, digitsPerByte: number): Format {
  const limit = base ** digitsPerByte;
  const decoded = decodingTable(base, digitsPerByte);
  const rowBytes = (inFeatures: number): number => Math.ceil(inFeatures / digitsPerByte);
  const byteLength = ({ outFeatures, inFeatures }: MatrixShape): number => outFeatures * rowBytes(inFeatures);
  return {
    id,
    summary,
    bitsPerWeight: 8 / digitsPerByte,
    byteLength,

    pack({ outFeatures, inFeatures, trits }) {
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

    unpack(bytes, { outFeatures, inFeatures }, scales = Float32Array.of(1)): TernaryMatrix {
      const expected = byteLength({ outFeatures, inFeatures });
      if (bytes.length !== expected) {
        throw new ShapeError(
          `${id} needs ${expected} bytes for ${outFeatures} x ${inFeatures} trits, got ${bytes.length}`,
        );
      }
      const trits = new Int8Array(outFeatures * inFeatures);
      let at = 0;
      for (let n = 0; n < outFeatures; n++) {
        for (let first = 0; first < inFeatures; first += digitsPerByte) {
          const byte = bytes[at++];
          const count = Math.min(digitsPerByte, inFeatures - first);
          for (let digit = 0; digit < count; digit++) {
            const trit = decoded[byte * digitsPerByte + digit];
            if (byte >= limit || trit > 1)
              throw new ShapeError(`${id}: byte ${at - 1} holds ${byte}, which stands for no trits`);
            trits[n * inFeatures + first + digit] = trit;
          }
        }
      }
      return { outFeatures, inFeatures, trits, scales };
    },
  };
}

/** Trit of each digit of each byte value. */
function decodingTable(base: number, digitsPerByte: number): Int8Array {
  const table = new Int8Array(256 * digitsPerByte);
  for (let byte = 0; byte < 256; byte++) {
    for (let digit = 0, rest = byte; digit < digitsPerByte; digit++, rest = Math.floor(rest / base)) {
      table[byte * digitsPerByte + digit] = (rest % base) - 1;
    }
  }
  return table;
}
