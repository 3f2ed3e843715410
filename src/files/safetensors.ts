/** Safetensors files: a JSON header and the bytes of its tensors, one after the other, little-endian, row-major. */
import { FileError } from "../core/errors.ts";
import type { ElementType } from "./element-types.ts";
import { decodeElements, decodeFloats, encodeElements } from "./element-values.ts";
import { shorten } from "./header-cursor.ts";
import { readSafetensorsHeader } from "./safetensors-header.ts";
import { planSafetensors } from "./safetensors-plan.ts";

/** One tensor of a file. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: ElementType;
  /** Sizes, outermost first; `[]` is a scalar. */
  readonly shape: readonly number[];
  /** Little-endian elements in row-major order; after parsing, a view of the file's bytes, perhaps not aligned. */
  readonly bytes: Uint8Array;
}

/** The contents of a safetensors file; tensors stand in the order of its header. */
export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** The texts of `__metadata__`, without a prototype; empty where the file has none. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Reads a safetensors file; tensors are views of `bytes`, nothing is copied.
 *
 * @param file name of the file for messages
 * @throws FileError naming the byte and the tensor when anything is not as the format says
 */
export function parseSafetensors(bytes: Uint8Array, file = "<bytes>"): SafetensorsFile {
  const { entries, metadata, dataStart } = readSafetensorsHeader(bytes, bytes.length, file);
  const tensors = new Map<string, TensorEntry>();
  for (const [name, { dtype, shape, begin, end }] of entries) {
    const view = new Uint8Array(bytes.buffer, bytes.byteOffset + dataStart + begin, end - begin);
    tensors.set(name, { name, dtype, shape, bytes: view });
  }
  return { tensors, metadata };
}

/**
 * The bytes of a safetensors file; equal tensors and metadata give equal bytes, in whatever order they come.
 *
 * Tensors are stored by descending element size, then by name, behind a header padded to 8 bytes, so that all are aligned.
 *
 * @throws UsageError when a name is empty, reserved, duplicated or not Unicode text, or the metadata are not all text
 * @throws ShapeError when bytes do not match dtype and shape
 */
export function writeSafetensors(
  tensors: Iterable<TensorEntry>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const stored = Array.from(tensors, (tensor) => ({ ...tensor, byteLength: tensor.bytes.length }));
  const { head, ordered, byteLength } = planSafetensors(stored, metadata);
  const written = new Uint8Array(byteLength);
  written.set(head);
  let offset = head.length;
  for (const { bytes } of ordered) {
    written.set(bytes, offset);
    offset += bytes.length;
  }
  return written;
}

/** A tensor to write, its dtype taken from the array; `bytes` share the memory of `values`. */
export function tensorEntry(
  name: string,
  shape: readonly number[],
  values: Float32Array | Int8Array | Uint8Array | Int32Array,
): TensorEntry {
  return { name, dtype: dtypeOf(values), shape, bytes: encodeElements(values) };
}

/**
 * The values of a float tensor: F32 as it is (a view of the file where it is aligned), F16 and BF16 widened exactly, F64
 * rounded to the nearest float32 (infinite beyond its range).
 *
 * @throws FileError when the tensor holds no floats
 */
export function readFloat32(entry: TensorEntry, file: string): Float32Array {
  checkDtype(entry, ["F32", "F16", "BF16", "F64"], file);
  return decodeFloats(entry.bytes, entry.dtype);
}

/** The values of a U8 tensor, a view of the file. @throws FileError when the tensor holds anything else */
export function readUint8(entry: TensorEntry, file: string): Uint8Array {
  checkDtype(entry, ["U8"], file);
  return decodeElements(entry.dtype, entry.bytes) as Uint8Array;
}

function checkDtype(entry: TensorEntry, allowed: readonly ElementType[], file: string): void {
  if (!allowed.includes(entry.dtype)) {
    throw new FileError(`expected ${allowed.join(", ")}, got ${entry.dtype}`, { file, tensor: shorten(entry.name) });
  }
}

function dtypeOf(values: Float32Array | Int8Array | Uint8Array | Int32Array): ElementType {
  if (values instanceof Float32Array) return "F32";
  if (values instanceof Int32Array) return "I32";
  return values instanceof Int8Array ? "I8" : "U8";
}
