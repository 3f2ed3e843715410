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

/** Packs trits from `from` up to `end` into bytes from `to` on; the last byte is padded with trit 0. */
export function packDigits(trits: Int8Array, from: number, end: number, bytes: Uint8Array, to: number): void {
  for (let first = from, at = to; first < end; first += DIGITS, at++) {
    let byte = 0;
    for (let i = first + DIGITS - 1; i >= first; i--) byte = byte * 3 + 1 + (i < end ? trits[i] : 0);
    bytes[at] = byte;
  }
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
