/** The check sum of zip files: CRC-32 with the polynomial 0xedb88320, reflected (ISO 3309, ITU-T V.42). */

/** Byte k: k shifted through the polynomial, so that eight steps of one bit are one look into the table. */
const table: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb8_8320 : 0);
  return crc;
});

/** The check sum of bytes that follow others, whose sum is `before`: 0 at the start. */
export function crc32(bytes: Uint8Array, before = 0): number {
  let crc = ~before;
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ table[(crc ^ bytes[i]) & 0xff];
  return ~crc >>> 0;
}
