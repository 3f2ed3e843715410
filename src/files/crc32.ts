/** The check sum of zip files: CRC-32 with the polynomial 0xedb88320, reflected (ISO 3309, ITU-T V.42). */

/**
 * Table 0 shifts a byte through the polynomial, eight steps of one bit in one look; table n does so for a byte that n more bytes
 * follow. The sum is linear over GF(2), so four bytes are four looks that do not wait for each other ("slicing by four").
 */
const tables: readonly Uint32Array[] = Array.from({ length: 4 }, () => new Uint32Array(256));
for (let byte = 0; byte < 256; byte++) {
  let crc = byte;
  for (let table = 0; table < 4; table++) {
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb8_8320 : 0);
    tables[table][byte] = crc;
  }
}

/** The check sum of bytes that follow others, whose sum is `before`: 0 at the start. */
export function crc32(bytes: Uint8Array, before = 0): number {
  const [table0, table1, table2, table3] = tables;
  let crc = ~before;
  let i = 0;
  for (; i + 4 <= bytes.length; i += 4) {
    crc ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    crc = table3[crc & 0xff] ^ table2[(crc >>> 8) & 0xff] ^ table1[(crc >>> 16) & 0xff] ^ table0[crc >>> 24];
  }
  for (; i < bytes.length; i++) crc = (crc >>> 8) ^ table0[(crc ^ bytes[i]) & 0xff];
  return ~crc >>> 0;
}
