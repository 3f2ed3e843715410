/** The bytes of a GGUF header, version 3. */
import { UsageError } from "../../core/errors.ts";
import type { Shape } from "../../core/shape.ts";
import { type ElementValues, encodeElements } from "../element-values.ts";
import { excerpt } from "../utf8.ts";
import { GrowingBytes } from "./growing-bytes.ts";
import {
  type GgufFixedType,
  type GgufMetadata,
  type GgufValue,
  MAX_KEY_BYTES,
  storedAs,
  valueTypeNames,
} from "./values.ts";

/** What the header says of a tensor to be written; `offset` counts from the start of the data. */
export interface PlacedTensor {
  readonly name: string;
  readonly shape: Shape;
  readonly typeId: number;
  readonly offset: number;
}

type FixedArray = new (length: number) => ElementValues;
const arrayTypes: Readonly<Record<GgufFixedType, FixedArray>> = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
  bool: Uint8Array,
  uint64: BigUint64Array,
  int64: BigInt64Array,
  float64: Float64Array,
};

/**
 * A header without the padding behind it.
 *
 * @throws UsageError when a key or value is not what its type can hold
 */
export function encodeGgufHeader(metadata: GgufMetadata, tensors: readonly PlacedTensor[]): Uint8Array {
  const out = new GrowingBytes();
  out.bytes(new TextEncoder().encode("GGUF"));
  out.uint32(3);
  out.uint64(tensors.length);
  out.uint64(metadata.size);
  for (const [key, value] of metadata) {
    const byteLength = out.text(key, "a key");
    if (byteLength > MAX_KEY_BYTES || byteLength === 0) {
      throw new UsageError(`a key has 1 to ${MAX_KEY_BYTES} bytes, got ${excerpt(key)}`);
    }
    encodeValue(out, key, value);
  }
  for (const { name, shape, typeId, offset } of tensors) {
    out.text(name, "a tensor's name");
    out.uint32(shape.length);
    for (const size of shape.toReversed()) out.uint64(size);
    out.uint32(typeId);
    out.uint64(offset);
  }
  return out.written();
}

function encodeValue(out: GrowingBytes, key: string, entry: GgufValue): void {
  out.uint32(idOfType(key, entry.type));
  if (entry.type === "string") out.text(entry.value, `the text of ${excerpt(key)}`);
  else if (entry.type !== "array") out.bytes(encodeScalar(key, entry.type, entry.value));
  else {
    out.uint32(idOfType(key, entry.elementType));
    out.uint64(entry.value.length);
    if (entry.elementType !== "string") out.bytes(encodeArray(key, entry.elementType, entry.value));
    else for (const text of entry.value) out.text(text, `a text of ${excerpt(key)}`);
  }
}

function idOfType(key: string, type: GgufValue["type"]): number {
  const id = valueTypeNames.indexOf(type);
  if (id >= 0) return id;
  throw new UsageError(`${excerpt(key)} has a type ${excerpt(String(type))}; known are ${valueTypeNames.join(", ")}`);
}

function encodeScalar(key: string, type: GgufFixedType, value: number | bigint | boolean): Uint8Array {
  const isFloat = type === "float32" || type === "float64";
  const expected = { uint64: "bigint", int64: "bigint", bool: "boolean" }[type as string] ?? "number";
  const stored = new arrayTypes[type](1);
  if (typeof value === expected) {
    const plain = typeof value === "boolean" ? Number(value) : value;
    stored.fill(plain as never); // a number or a bigint, as the array takes
    if (isFloat || stored[0] === plain) return encodeElements(stored);
  }
  throw new UsageError(`${excerpt(key)} must be a value of ${type} (${expected}), got ${excerpt(String(value))}`);
}

function encodeArray(key: string, type: GgufFixedType, values: ElementValues | readonly string[]): Uint8Array {
  const isFlags = type === "bool";
  if (!Object.hasOwn(storedAs, type) || !(values instanceof arrayTypes[type])) {
    throw new UsageError(`${excerpt(key)} must hold its ${type} values in a typed array of that kind`);
  }
  if (isFlags && values.some((value: number | bigint) => value > 1)) {
    throw new UsageError(`${excerpt(key)} must hold bools as 0 and 1`);
  }
  return encodeElements(values);
}
