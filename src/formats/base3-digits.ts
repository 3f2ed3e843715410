/** Five trits a byte as digits t + 1 of a number in base 3, the first trit least significant. */

const DIGITS = 5;

/** Trit of each digit of each byte value; bytes from 243 on stand for none. */
const tritOf: Int8Array = Int8Array.from({ length: 243 * DIGITS }, (_, i) => {
  const [byte, digit] = [Math.floor(i / DIGITS), i % DIGITS];
  return (Math.floor(byte / 3 ** digit) % 3) - 1;
});
/** The first four trits of each byte value as the bytes of a little-endian word. */
const firstFour: Uint32Array = Uint32Array.from({ length: 243 }, (_, byte) =>
  new DataView(tritOf.buffer).getUint32(byte * DIGITS, true),
);

/**
 * Packs trits from `from` up to `end` into bytes from `to` on; the last byte is padded with trit 0. The sum of the digits
 * t + 1 by their powers is that of the trits, and 121 = 1 + 3 + 9 + 27 + 81.
 *
 * @returns whether all were trits
 */
export function packDigits(trits: Int8Array, from: number, end: number, bytes: Uint8Array, to: number): boolean {
  let squares = 0; // of a trit 0 or 1, of any other byte larger
  let [at, i] = [to, from];
  for (; i + DIGITS <= end; i += DIGITS) {
    const a = trits[i];
    const b = trits[i + 1];
    const c = trits[i + 2];
    const d = trits[i + 3];
    const e = trits[i + 4];
    squares |= (a * a) | (b * b) | (c * c) | (d * d) | (e * e);
    bytes[at++] = 121 + a + 3 * b + 9 * c + 27 * d + 81 * e;
  }
  if (i < end) {
    let last = 121;
    for (let power = 1; i < end; power *= 3, i++) {
      squares |= trits[i] * trits[i];
      last += power * trits[i];
    }
    bytes[at] = last;
  }
  return squares <= 1;
}

/** Unpacks trits from `to` up to `end`, of bytes from `from` on that are all below 243, less `skipped` trits of the first. */
export function unpackDigits(
  bytes: Uint8Array,
  from: number,
  trits: Int8Array,
  to: number,
  end: number,
  skipped = 0,
): void {
  const words = new DataView(trits.buffer, trits.byteOffset, trits.length);
  let [at, i] = [from, to];
  if (skipped > 0) {
    for (let digit = skipped; digit < DIGITS && i < end; digit++) trits[i++] = tritOf[bytes[at] * DIGITS + digit];
    at++;
  }
  for (; i + DIGITS <= end; at++, i += DIGITS) {
    const byte = bytes[at];
    words.setUint32(i, firstFour[byte], true);
    trits[i + 4] = tritOf[byte * DIGITS + 4];
  }
  for (let digit = 0; i < end; digit++, i++) trits[i] = tritOf[bytes[at] * DIGITS + digit];
}

/** Index of the first byte that is no number of five digits; -1 where there is none. */
export function firstNonDigits(bytes: Uint8Array): number {
  // By index: a callback for each byte takes several times as long, and every layer that is loaded passes here.
  for (let at = 0; at < bytes.length; at++) if (bytes[at] >= 243) return at;
  return -1;
}
