/**
 * The header of a GGUF file, versions 2 and 3 (which differ in nothing but that 3 may be big-endian), little-endian:
 *
 *     "GGUF"  u32 version  u64 number of tensors  u64 number of keys
 *     keys:     text key  u32 type  value                              text: u64 byte length, UTF-8
 *     tensors:  text name  u32 number of axes  u64 sizes, innermost first  u32 type  u64 offset
 *     zeros up to a multiple of general.alignment, then the data of the tensors
 */
import { formatShape, type Shape } from "../../core/shape.ts";
import { elementByteLengths } from "../element-types.ts";
import { decodeElements } from "../element-values.ts";
import type { RangeSource } from "../ranges.ts";
import { excerpt } from "../utf8.ts";
import { GgufCursor } from "./cursor.ts";
import {
  alignUp,
  DEFAULT_ALIGNMENT,
  type GgufFixedType,
  type GgufMetadata,
  type GgufValue,
  MAX_KEY_BYTES,
  storedAs,
  valueTypeNames,
} from "./values.ts";

const MAGIC = 0x46554747;

/** Far more than any model has, few enough that a hostile header cannot fill the memory. */
const MAX_TENSORS = 200_000;
const MAX_KEYS = 65_536;
const MAX_TEXTS = 4_000_000; // in all arrays together
const MAX_NAME_BYTES = 1024;
const MAX_AXES = 4;

/** Least bytes of a key with its value, and of what is said of a tensor. */
const LEAST_KEY_BYTES = 8 + 4 + 1;
const LEAST_TENSOR_BYTES = 8 + 4 + 4 + 8;

/** What the header says of one tensor. */
export interface TensorInfo {
  readonly name: string;
  /** Row-major: the sizes of the file in reverse. */
  readonly shape: Shape;
  readonly typeId: number;
  /** Byte after the start of the data. */
  readonly offset: number;
  /** Byte of the file at which this is said. */
  readonly saidAt: number;
}

/** A header; whether its tensors fit the file is for the caller to check. */
export interface GgufHeader {
  readonly version: number;
  readonly metadata: GgufMetadata;
  readonly tensors: readonly TensorInfo[];
  readonly alignment: number;
  /** Byte at which the data begin. */
  readonly dataStart: number;
}

/** Reads a header in parts. @throws FileError naming the byte, and the tensor where there is one */
export async function readGgufHeader(source: RangeSource): Promise<GgufHeader> {
  const cursor = new GgufCursor(source);
  const version = await readVersion(cursor);
  await cursor.need(16, "the numbers of tensors and keys");
  const tensorCount = cursor.count("the number of tensors", LEAST_TENSOR_BYTES, MAX_TENSORS);
  const keyCount = cursor.count("the number of keys", LEAST_KEY_BYTES, MAX_KEYS);
  const { metadata, alignment } = await readMetadata(cursor, keyCount);

  const tensors = new Map<string, TensorInfo>();
  for (let i = 0; i < tensorCount; i++) {
    const info = await readTensorInfo(cursor, alignment);
    if (tensors.has(info.name)) cursor.fail("two tensors have this name: the file is damaged", info.saidAt);
    tensors.set(info.name, info);
    cursor.tensor = undefined;
  }
  return { version, metadata, tensors: [...tensors.values()], alignment, dataStart: alignUp(cursor.at, alignment) };
}

async function readVersion(cursor: GgufCursor): Promise<number> {
  await cursor.need(8, `a GGUF file, which begins with "GGUF" and its version,`);
  if (cursor.uint32() !== MAGIC) cursor.fail(`a GGUF file begins with "GGUF": this one is of another kind`, 0);
  const version = cursor.uint32();
  if (version === 2 || version === 3) return version;
  if (version === 1) cursor.fail("GGUF version 1 is not read, only 2 and 3: convert the model again", 4);
  if (version !== 0 && version % 0x10000 === 0) {
    cursor.fail("this GGUF file is big-endian, only little-endian ones are read: convert it for little-endian", 4);
  }
  cursor.fail(`GGUF versions 2 and 3 are read, this file says ${version}: it is newer or damaged`, 4);
}

async function readMetadata(
  cursor: GgufCursor,
  keyCount: number,
): Promise<{ metadata: GgufMetadata; alignment: number }> {
  const metadata = new Map<string, GgufValue>();
  const budget = { texts: MAX_TEXTS };
  let alignment = DEFAULT_ALIGNMENT;
  for (let i = 0; i < keyCount; i++) {
    const { at } = cursor;
    const key = await cursor.text("a key", MAX_KEY_BYTES);
    if (metadata.has(key)) cursor.fail(`key ${excerpt(key)} appears twice: the file is damaged`, at);
    const value = await readValue(cursor, key, budget);
    if (key === "general.alignment") alignment = checkAlignment(cursor, value, at);
    metadata.set(key, value);
  }
  return { metadata, alignment };
}

function checkAlignment(cursor: GgufCursor, { type, value }: GgufValue, at: number): number {
  if (type === "uint32" && value > 0 && value % 8 === 0) return value;
  const got = typeof value === "object" ? type : `${type} ${excerpt(String(value))}`;
  cursor.fail(`general.alignment must be a uint32, a multiple of 8 and not 0, got ${got}`, at);
}

async function readValue(cursor: GgufCursor, key: string, budget: { texts: number }): Promise<GgufValue> {
  const type = await readValueType(cursor, key);
  if (type === "string") return { type, value: await cursor.text(`the text of ${excerpt(key)}`) };
  if (type === "array") return readArray(cursor, key, budget);
  const [value] = await readFixed(cursor, key, type, 1);
  if (type === "bool") return { type, value: value === 1 };
  // The element type of an array says whether it holds bigints, which no type can say.
  return { type, value } as GgufValue;
}

async function readValueType(cursor: GgufCursor, key: string): Promise<GgufValue["type"]> {
  await cursor.need(4, `the type of ${excerpt(key)}`);
  const { at } = cursor;
  const id = cursor.uint32();
  if (id < valueTypeNames.length) return valueTypeNames[id];
  cursor.fail(`the type of ${excerpt(key)} is ${id}, known are 0 to ${valueTypeNames.length - 1}`, at);
}

async function readArray(cursor: GgufCursor, key: string, budget: { texts: number }): Promise<GgufValue> {
  const { at } = cursor;
  const elementType = await readValueType(cursor, key);
  if (elementType === "array") cursor.fail(`${excerpt(key)} is an array of arrays, which no program writes`, at);
  await cursor.need(8, `the length of ${excerpt(key)}`);
  const what = `the length of ${excerpt(key)}`;
  if (elementType !== "string") {
    const count = cursor.count(what, elementByteLengths[storedAs[elementType]]);
    return { type: "array", elementType, value: await readFixed(cursor, key, elementType, count) };
  }
  const count = cursor.count(what, 8, budget.texts);
  budget.texts -= count;
  const texts: string[] = [];
  for (let i = 0; i < count; i++) texts.push(await cursor.text(`a text of ${excerpt(key)}`));
  return { type: "array", elementType, value: texts };
}

async function readFixed<Type extends GgufFixedType>(cursor: GgufCursor, key: string, type: Type, count: number) {
  const dtype = storedAs[type];
  const byteLength = count * elementByteLengths[dtype];
  await cursor.need(byteLength, `the value of ${excerpt(key)}`);
  const { at } = cursor;
  const values = decodeElements(dtype, cursor.bytes(byteLength));
  if (type === "bool") {
    const wrong = values.findIndex((value) => value > 1);
    if (wrong >= 0) cursor.fail(`a bool of ${excerpt(key)} is ${values[wrong]}, it must be 0 or 1`, at + wrong);
  }
  return values;
}

async function readTensorInfo(cursor: GgufCursor, alignment: number): Promise<TensorInfo> {
  const saidAt = cursor.at;
  const name = await cursor.text("a tensor's name", MAX_NAME_BYTES);
  cursor.tensor = name;
  await cursor.need(4, "the number of axes");
  const axesAt = cursor.at;
  const axes = cursor.uint32();
  if (axes > MAX_AXES) cursor.fail(`${axes} axes, at most ${MAX_AXES} are possible: the file is damaged`, axesAt);
  await cursor.need(8 * axes + 12, "sizes, type and offset");
  const sizes = Array.from({ length: axes }, () => cursor.uint64("a size"));
  const shape = sizes.reverse();
  const typeId = cursor.uint32();
  const offsetAt = cursor.at;
  const offset = cursor.uint64("the offset");
  if (offset % alignment !== 0) {
    const problem = `its data begin at ${offset}, which is no multiple of the alignment ${alignment}`;
    cursor.fail(`${problem}: the file is damaged`, offsetAt);
  }
  if (!Number.isSafeInteger(shape.reduce((product, size) => product * size, 1))) {
    cursor.fail(`${formatShape(shape)} has 2^53 elements or more: the file is damaged`, axesAt);
  }
  return { name, shape, typeId, offset, saidAt };
}
