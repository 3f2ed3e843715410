/** One float16 inside a block. */

/** The little-endian IEEE 754 binary16 number at byte `at`. */
export function float16At(bytes: Uint8Array, at: number): number {
  const bits = bytes[at] | (bytes[at + 1] << 8);
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (0x400 + fraction) * 2 ** (exponent - 25);
}
