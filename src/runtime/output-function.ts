/** max(0, y) and max(0, y)² of whole arrays, in place: what layers do beside their own work, and activations by themselves. */
import type { OutputFunction } from "../backends/index.ts";

/**
 * NaN stays NaN, -0 becomes 0; squares are rounded to float32.
 *
 * On the bits of floats, as a comparison of each value would be guessed wrong half of the time. As signed integers, -0 and
 * what is below it, to -infinity, are those from -2^31 to -0x80_0000; negative NaNs are those from there to -1. So `value`
 * and `value + 0x7f_ffff` are both negative for the former alone.
 *
 * Both loops stand here, not in short functions: V8 13 takes those into their callers and then leaves them half optimized.
 */
export function applyOutputFunction(values: Float32Array, outputFunction: OutputFunction): void {
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) {
    const value = bits[i];
    bits[i] = value & ~((value & (value + 0x7f_ffff)) >> 31);
  }
  if (outputFunction === "relu") return;
  for (let i = 0; i < values.length; i++) values[i] *= values[i];
}
