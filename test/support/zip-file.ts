/** Zip archives for tests that read them, right and wrong ones. */
import { crc32, deflateRawSync } from "node:zlib";

/** An entry, and what its headers say in place of the truth. */
export interface ZipPart {
  name: string;
  bytes: Uint8Array;
  /** What the entry holds packed; by default `bytes`, deflated unless `method` is 0. */
  packed?: Uint8Array;
  method?: number;
  flags?: number;
  crc32?: number;
  byteLength?: number;
  packedByteLength?: number;
  headerOffset?: number;
  localName?: string;
  localMethod?: number;
  localFlags?: number;
}

/** What stands at the end, and how. */
export interface ZipEnd {
  /** Whether all sizes and places stand in zip64 fields. */
  isZip64?: boolean;
  comment?: string;
  count?: number;
  countHere?: number;
  start?: number;
  byteLength?: number;
}

const text = new TextEncoder();
const WIDE = 0xffff_ffff;

/** Numbers in little-endian order: `[value, bytes]` each. */
function fields(...numbers: readonly (readonly [value: number, byteLength: number])[]): Uint8Array {
  return Uint8Array.from(
    numbers.flatMap(([value, byteLength]) =>
      Array.from({ length: byteLength }, (_, byte) => Number((BigInt(value) >> BigInt(8 * byte)) & 0xffn)),
    ),
  );
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** The archive of these entries. */
export function zipFile(parts: readonly ZipPart[], end: ZipEnd = {}): Uint8Array {
  const { isZip64 = false, comment = "" } = end;
  let body: Uint8Array = new Uint8Array(0);
  let directory: Uint8Array = new Uint8Array(0);
  for (const part of parts) {
    const { name, bytes, method = 8, flags = 0x800 } = part;
    const packed = part.packed ?? (method === 0 ? bytes : deflateRawSync(bytes));
    const { byteLength = bytes.length, packedByteLength = packed.length, headerOffset = body.length } = part;
    const sum = part.crc32 ?? crc32(bytes);
    const sizes = [byteLength, packedByteLength, headerOffset];
    const wide = isZip64
      ? join(fields([1, 2], [24, 2]), fields(...sizes.map((size) => [size, 8] as const)))
      : new Uint8Array(0);
    const [shownSize, shownPacked, shownOffset] = isZip64 ? [WIDE, WIDE, WIDE] : sizes;
    const localName = text.encode(part.localName ?? name);
    const local = fields(
      ...([
        [0x0403_4b50, 4],
        [45, 2],
        [part.localFlags ?? flags, 2],
        [part.localMethod ?? method, 2],
        [0, 4],
      ] as const),
      ...([
        [sum, 4],
        [packedByteLength, 4],
        [byteLength, 4],
        [localName.length, 2],
        [0, 2],
      ] as const),
    );
    body = join(body, local, localName, packed);
    const encoded = text.encode(name);
    const header = fields(
      ...([
        [0x0201_4b50, 4],
        [45, 2],
        [45, 2],
        [flags, 2],
        [method, 2],
        [0, 4],
        [sum, 4],
        [shownPacked, 4],
      ] as const),
      ...([
        [shownSize, 4],
        [encoded.length, 2],
        [wide.length, 2],
        [0, 2],
        [0, 2],
        [0, 2],
        [0, 4],
        [shownOffset, 4],
      ] as const),
    );
    directory = join(directory, header, encoded, wide);
  }
  const { count = parts.length, countHere = count, start = body.length, byteLength = directory.length } = end;
  const record64 = fields(
    ...([
      [0x0606_4b50, 4],
      [44, 8],
      [45, 2],
      [45, 2],
      [0, 4],
      [0, 4],
      [countHere, 8],
      [count, 8],
    ] as const),
    ...([
      [byteLength, 8],
      [start, 8],
    ] as const),
  );
  const locator = fields([0x0706_4b50, 4], [0, 4], [body.length + directory.length, 8], [1, 4]);
  const shown = isZip64 ? [0xffff, 0xffff, WIDE, WIDE] : [countHere, count, byteLength, start];
  const record = fields(
    ...([
      [0x0605_4b50, 4],
      [0, 2],
      [0, 2],
      [shown[0], 2],
      [shown[1], 2],
      [shown[2], 4],
      [shown[3], 4],
    ] as const),
    [text.encode(comment).length, 2],
  );
  return join(body, directory, ...(isZip64 ? [record64, locator] : []), record, text.encode(comment));
}
