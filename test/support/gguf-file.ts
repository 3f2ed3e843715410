/** GGUF files made by hand, sound or not: every field is given, and nothing is checked. */

const encoder = new TextEncoder();

/** Little-endian bytes of a 32-bit number. */
export function u32(value: number): Uint8Array {
  return new Uint8Array(new Uint32Array([value]).buffer);
}

/** Little-endian bytes of a 64-bit number. */
export function u64(value: number | bigint): Uint8Array {
  return new Uint8Array(new BigUint64Array([BigInt(value)]).buffer);
}

/** A text, or bytes that are none, with its length or another before it. */
export function text(value: string | Uint8Array, claimed?: number | bigint): Uint8Array {
  const bytes = typeof value === "string" ? encoder.encode(value) : value;
  return join(u64(claimed ?? bytes.length), bytes);
}

/** A key with the bytes of its value. */
export function key(name: string | Uint8Array, type: number, ...value: Uint8Array[]): Uint8Array {
  return join(text(name), u32(type), ...value);
}

/** What the header says of a tensor; sizes are given innermost first, as they are stored. */
export function tensor(
  name: string | Uint8Array,
  sizes: readonly (number | bigint)[],
  type = 0,
  offset: number | bigint = 0,
): Uint8Array {
  return join(text(name), u32(sizes.length), ...sizes.map(u64), u32(type), u64(offset));
}

/** The parts of a file; counts are those of the lists unless others are claimed. */
export interface GgufParts {
  magic?: string;
  version?: number;
  keys?: readonly Uint8Array[];
  keyCount?: number | bigint;
  tensors?: readonly Uint8Array[];
  tensorCount?: number | bigint;
  alignment?: number;
  dataByteLength?: number;
}

/** A whole file; data are bytes that count up, so that they can be told apart. */
export function ggufFile(parts: GgufParts): Uint8Array {
  const { magic = "GGUF", version = 3, keys = [], tensors = [], alignment = 32, dataByteLength = 0 } = parts;
  const counts = [u64(parts.tensorCount ?? tensors.length), u64(parts.keyCount ?? keys.length)];
  const header = join(encoder.encode(magic), u32(version), ...counts, ...keys, ...tensors);
  if (dataByteLength === 0) return header;
  const padding = new Uint8Array((alignment - (header.length % alignment)) % alignment);
  return join(
    header,
    padding,
    Uint8Array.from({ length: dataByteLength }, (_, i) => i),
  );
}

/** Bytes one after the other. */
export function join(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
