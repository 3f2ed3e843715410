/** IEEE 754 binary16, the type of scales in the blocks of ggml. */
import { roundHalfEven } from "./rounding.ts";

const SIGN = 0x8000;
const INFINITY_BITS = 0x7c00;
const NAN_BITS = 0x7e00;
const FRACTION_BITS = 10;
const LEAST_EXPONENT = -14;

/** Largest finite float16. */
export const MAX_FLOAT16 = 65504;

/** What rounds to infinity: half a step beyond the largest. */
const OVERFLOW = 65520;

/** Distance of neighbours by their exponent field: those of 0, the subnormal numbers, are as far apart as those of 1. */
const steps: Float64Array = Float64Array.from(
  { length: 31 },
  (_, exponent) => 2 ** (Math.max(exponent, 1) - 1 + LEAST_EXPONENT - FRACTION_BITS),
);

const float32 = new Float32Array(1);
const float32Bits = new Uint32Array(float32.buffer);

/** Bit pattern of the float16 nearest to a float32, halves to the even one; infinity where it is too large. */
export function float16Bits(value: number): number {
  float32[0] = value;
  const sign = float32Bits[0] >>> 31 === 1 ? SIGN : 0;
  const magnitude = Math.abs(float32[0]);
  if (Number.isNaN(magnitude)) return NAN_BITS;
  if (magnitude >= OVERFLOW) return sign | INFINITY_BITS;
  const exponent = Math.max(((float32Bits[0] >>> 23) & 0xff) - 127, LEAST_EXPONENT) - LEAST_EXPONENT;
  const count = roundHalfEven(magnitude / steps[exponent + 1]); // exact but for the rounding: a step is a power of two
  // The leading one of the count adds 1 to the exponent field, and a count rounded up to 2¹¹ adds 2: both as they should.
  return sign | ((exponent << FRACTION_BITS) + count);
}

/** The number of a float16 bit pattern. */
export function float16Value(bits: number): number {
  const sign = (bits & SIGN) === 0 ? 1 : -1;
  const exponent = (bits & INFINITY_BITS) >> FRACTION_BITS;
  const fraction = bits & (2 ** FRACTION_BITS - 1);
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction : fraction + 2 ** FRACTION_BITS) * steps[exponent];
}
