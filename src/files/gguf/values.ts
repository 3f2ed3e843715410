/** The metadata of a GGUF file: keys with values of declared types. */
import type { ElementType } from "../element-types.ts";
import type { ElementValues } from "../element-values.ts";

/** The types of single numbers that a JavaScript number holds. */
export type GgufNumberType = "uint8" | "int8" | "uint16" | "int16" | "uint32" | "int32" | "float32" | "float64";

/** The types that have a fixed size. */
export type GgufFixedType = GgufNumberType | "uint64" | "int64" | "bool";

/** A value with its type, which is written again as it was read: programs refuse a count of another integer type. */
export type GgufValue =
  | { readonly type: GgufNumberType; readonly value: number }
  | { readonly type: "uint64" | "int64"; readonly value: bigint }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "array"; readonly elementType: "string"; readonly value: readonly string[] }
  /** Values of `bool` are bytes of 0 or 1. */
  | { readonly type: "array"; readonly elementType: GgufFixedType; readonly value: ElementValues };

/** The metadata of a file, in its order. */
export type GgufMetadata = ReadonlyMap<string, GgufValue>;

/** The names of value types; the index of each is its id in files. */
export const valueTypeNames: readonly GgufValue["type"][] = [
  "uint8",
  "int8",
  "uint16",
  "int16",
  "uint32",
  "int32",
  "float32",
  "bool",
  "string",
  "array",
  "uint64",
  "int64",
  "float64",
];

/** How values of a fixed size are stored. */
export const storedAs: Readonly<Record<GgufFixedType, ElementType>> = {
  uint8: "U8",
  int8: "I8",
  uint16: "U16",
  int16: "I16",
  uint32: "U32",
  int32: "I32",
  float32: "F32",
  bool: "BOOL",
  uint64: "U64",
  int64: "I64",
  float64: "F64",
};

/** Most bytes of a key, as the format has it. */
export const MAX_KEY_BYTES = 65_535;

/** Alignment of tensor data in a file that does not say. */
export const DEFAULT_ALIGNMENT = 32;

/** The text of a key; undefined where it is absent or no text. */
export function ggufText(metadata: GgufMetadata, key: string): string | undefined {
  const entry = metadata.get(key);
  return entry?.type === "string" ? entry.value : undefined;
}

/** The single number of a key, whatever its type; undefined where it is absent, no number, or beyond ±2⁵³. */
export function ggufNumber(metadata: GgufMetadata, key: string): number | undefined {
  const value = metadata.get(key)?.value;
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : undefined;
  return typeof value === "number" ? value : undefined;
}

/** The least multiple of `alignment` that is not below `offset`. */
export function alignUp(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}
