/**
 * ggml's "K" types: blocks of 256 elements, in runs of 16 or 32 that have a scale of a few bits each (and a least value,
 * which is subtracted), multiplied by float16 factors of the whole block. Integers are stored by planes of bits: the low
 * bits of distant runs share a byte.
 */
import { float16At } from "./float16.ts";

/** Q2_K: 16 bytes (scale, least value: 4 bits each) for runs of 16, 64 bytes of 2-bit integers, scale, least value. */
export function decodeQ2K(bytes: Uint8Array, at: number, floats: Float32Array, to: number): void {
  const scale = float16At(bytes, at + 80);
  const least = float16At(bytes, at + 82);
  for (let run = 0; run < 16; run++) {
    const factors = bytes[at + run];
    const runScale = scale * (factors & 15);
    const runLeast = least * (factors >> 4);
    const from = at + 16 + twoBitByte(run);
    const shift = twoBitShift(run);
    for (let i = 0; i < 16; i++) floats[to + 16 * run + i] = runScale * ((bytes[from + i] >> shift) & 3) - runLeast;
  }
}

/** Q3_K: 32 bytes of third bits, 64 bytes of 2-bit integers, 12 bytes of 6-bit scales for runs of 16, scale. */
export function decodeQ3K(bytes: Uint8Array, at: number, floats: Float32Array, to: number): void {
  const scale = float16At(bytes, at + 108);
  for (let run = 0; run < 16; run++) {
    const low = (bytes[at + 96 + (run & 7)] >> (run < 8 ? 0 : 4)) & 15;
    const high = (bytes[at + 104 + (run & 3)] >> (2 * (run >> 2))) & 3;
    const runScale = scale * ((low | (high << 4)) - 32);
    const thirdBits = at + 16 * (run & 1);
    const from = at + 32 + twoBitByte(run);
    const shift = twoBitShift(run);
    for (let i = 0; i < 16; i++) {
      const third = (bytes[thirdBits + i] >> (run >> 1)) & 1; // stored inverted: an unset bit subtracts 4
      floats[to + 16 * run + i] = runScale * (((bytes[from + i] >> shift) & 3) + 4 * third - 4);
    }
  }
}

/** Q4_K: scale, least value, 12 bytes of both for runs of 32 (6 bits each), 128 bytes of 4-bit integers. */
export function decodeQ4K(bytes: Uint8Array, at: number, floats: Float32Array, to: number): void {
  const scale = float16At(bytes, at);
  const least = float16At(bytes, at + 2);
  for (let run = 0; run < 8; run++) {
    const runScale = scale * sixBitScale(bytes, at + 4, run);
    const runLeast = least * sixBitLeast(bytes, at + 4, run);
    const from = at + 16 + 32 * (run >> 1);
    const shift = 4 * (run & 1);
    for (let i = 0; i < 32; i++) floats[to + 32 * run + i] = runScale * ((bytes[from + i] >> shift) & 15) - runLeast;
  }
}

/** Q5_K: as Q4_K, with 32 bytes of fifth bits before the 4-bit integers. */
export function decodeQ5K(bytes: Uint8Array, at: number, floats: Float32Array, to: number): void {
  const scale = float16At(bytes, at);
  const least = float16At(bytes, at + 2);
  for (let run = 0; run < 8; run++) {
    const runScale = scale * sixBitScale(bytes, at + 4, run);
    const runLeast = least * sixBitLeast(bytes, at + 4, run);
    const from = at + 48 + 32 * (run >> 1);
    const shift = 4 * (run & 1);
    for (let i = 0; i < 32; i++) {
      const fifth = (bytes[at + 16 + i] >> run) & 1;
      floats[to + 32 * run + i] = runScale * (((bytes[from + i] >> shift) & 15) + 16 * fifth) - runLeast;
    }
  }
}

/** Q6_K: 128 bytes of low 4 bits, 64 bytes of high 2 bits, 16 signed scales for runs of 16, scale. */
export function decodeQ6K(bytes: Uint8Array, at: number, floats: Float32Array, to: number): void {
  const scale = float16At(bytes, at + 208);
  for (let run = 0; run < 16; run++) {
    const half = run >> 3; // of the block: 128 elements, four quarters of 32
    const quarter = (run >> 1) & 3;
    const column = 16 * (run & 1);
    const runScale = scale * ((bytes[at + 192 + run] << 24) >> 24);
    const low = at + 64 * half + 32 * (quarter & 1) + column;
    const lowShift = 4 * (quarter >> 1);
    const high = at + 128 + 32 * half + column;
    const highShift = 2 * quarter;
    for (let i = 0; i < 16; i++) {
      const integer = ((bytes[low + i] >> lowShift) & 15) | (((bytes[high + i] >> highShift) & 3) << 4);
      floats[to + 16 * run + i] = runScale * (integer - 32);
    }
  }
}

/** Where the 2-bit integers of a run of 16 begin: 32 bytes hold four runs of 32, two bits each. */
function twoBitByte(run: number): number {
  return 32 * (run >> 3) + 16 * (run & 1);
}

function twoBitShift(run: number): number {
  return 2 * ((run >> 1) & 3);
}

/** Of 8 runs; the upper bits of the last 4 stand above those of the first 4. */
function sixBitScale(bytes: Uint8Array, at: number, run: number): number {
  if (run < 4) return bytes[at + run] & 63;
  return (bytes[at + run + 4] & 15) | ((bytes[at + run - 4] >> 6) << 4);
}

function sixBitLeast(bytes: Uint8Array, at: number, run: number): number {
  if (run < 4) return bytes[at + run + 4] & 63;
  return (bytes[at + run + 4] >> 4) | ((bytes[at + run] >> 6) << 4);
}
