/** The header of a safetensors file to be written, and the order of its tensors. */
import { ShapeError, UsageError } from "../core/errors.ts";
import { checkSize, formatShape } from "../core/shape.ts";
import { arrayByteLength, elementByteLengths, isElementType } from "./element-types.ts";
import { HEADER_PREFIX_BYTES, MAX_HEADER_BYTES, METADATA_KEY, type StoredTensor } from "./safetensors-header.ts";
import { excerpt, isWellFormed } from "./utf8.ts";

/** What a file will hold. */
export interface SafetensorsPlan<T extends StoredTensor> {
  /** The bytes before the data: header length, header and padding. */
  readonly head: Uint8Array;
  /** The tensors in the order of their data, which follow `head` without gaps. */
  readonly ordered: readonly T[];
  /** Bytes of the whole file. */
  readonly byteLength: number;
}

/**
 * Plans a file; equal tensors and metadata give equal plans, in whatever order they come.
 *
 * Tensors are stored by descending element size, then by name, behind a header padded to 8 bytes, so that all are aligned.
 *
 * @throws UsageError when a name is empty, reserved, duplicated or not Unicode text, or the metadata are not all text
 * @throws ShapeError when a byte length does not match dtype and shape
 */
export function planSafetensors<T extends StoredTensor>(
  tensors: Iterable<T>,
  metadata: Readonly<Record<string, string>>,
): SafetensorsPlan<T> {
  const ordered = [...tensors].sort(byElementSizeThenName);
  const names = new Set<string>();
  for (const tensor of ordered) {
    checkTensor(tensor);
    if (names.has(tensor.name)) throw new UsageError(`two tensors are named ${excerpt(tensor.name)}: rename one`);
    names.add(tensor.name);
  }
  const header = encodeHeader(ordered, metadata);
  const head = new Uint8Array(HEADER_PREFIX_BYTES + header.length);
  new DataView(head.buffer).setBigUint64(0, BigInt(header.length), true);
  head.set(header, HEADER_PREFIX_BYTES);
  return { head, ordered, byteLength: ordered.reduce((sum, tensor) => sum + tensor.byteLength, head.length) };
}

function encodeHeader(tensors: readonly StoredTensor[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const members: string[] = [];
  const texts = Object.entries(metadata).sort(([a], [b]) => compareText(a, b));
  for (const [key, value] of texts) checkMetadata(key, value);
  // Written member by member: an object would reorder keys that look like numbers and swallow "__proto__".
  if (texts.length > 0) {
    const pairs = texts.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
    members.push(`${JSON.stringify(METADATA_KEY)}:{${pairs.join(",")}}`);
  }
  let begin = 0;
  for (const { name, dtype, shape, byteLength } of tensors) {
    const end = begin + byteLength;
    members.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`);
    begin = end;
  }
  const header = new TextEncoder().encode(`{${members.join(",")}}`);
  const padded = new Uint8Array(Math.ceil(header.length / 8) * 8).fill(0x20);
  if (padded.length > MAX_HEADER_BYTES) {
    const problem = `the header takes ${padded.length} bytes, safetensors allows ${MAX_HEADER_BYTES}`;
    throw new UsageError(`${problem}: write fewer tensors or less metadata`);
  }
  padded.set(header);
  return padded;
}

function checkTensor({ name, dtype, shape, byteLength }: StoredTensor): void {
  if (name === "" || name === METADATA_KEY || !isWellFormed(name)) {
    const rule = `a tensor name must be Unicode text, not empty and not ${METADATA_KEY}`;
    throw new UsageError(`${rule}, got ${excerpt(name)}`);
  }
  if (!isElementType(dtype)) throw new UsageError(`tensor ${excerpt(name)} has an unknown dtype ${excerpt(dtype)}`);
  shape.forEach((size, axis) => {
    checkSize(`size ${axis} of tensor ${excerpt(name)}`, size, 0);
  });
  const expected = arrayByteLength(dtype, shape);
  if (byteLength !== expected) {
    const problem = `tensor ${excerpt(name)}, ${dtype} ${formatShape(shape)}`;
    throw new ShapeError(`${problem}, must have ${expected ?? "2^53 or more"} bytes, got ${byteLength}`);
  }
}

function checkMetadata(key: string, value: unknown): void {
  if (typeof value !== "string" || !isWellFormed(key) || !isWellFormed(value)) {
    throw new UsageError(`metadata must be Unicode text; ${excerpt(key)} is not: give it as JSON.stringify(...)`);
  }
}

function byElementSizeThenName(a: StoredTensor, b: StoredTensor): number {
  return elementByteLengths[b.dtype] - elementByteLengths[a.dtype] || compareText(a.name, b.name);
}

/** By UTF-16 code units: the same on every machine, unlike a locale's order. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
