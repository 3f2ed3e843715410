/** The element types of ONNX tensors, by their number in the file. */
import type { ElementType } from "../element-types.ts";
import { FIXED32, FIXED64, VARINT } from "./wire-reader.ts";

/** A field of a tensor for elements of some types, where it has no raw bytes. */
export interface TypedField {
  readonly number: number;
  /** Of one element: little-endian bytes or a varint. A packed field holds several in a row. */
  readonly wireType: typeof VARINT | typeof FIXED32 | typeof FIXED64;
}

/** One type. */
export interface OnnxDataType {
  /** As ONNX calls it. */
  readonly name: string;
  /** The same type in safetensors' words; absent for types that are not read here. */
  readonly elementType?: ElementType;
  /** Absent for types that are not read here. */
  readonly field?: TypedField;
}

const FLOAT_DATA: TypedField = { number: 4, wireType: FIXED32 };
const INT32_DATA: TypedField = { number: 5, wireType: VARINT };
const INT64_DATA: TypedField = { number: 7, wireType: VARINT };
const DOUBLE_DATA: TypedField = { number: 10, wireType: FIXED64 };
const UINT64_DATA: TypedField = { number: 11, wireType: VARINT };

/** All of these fields. */
export const typedFields: readonly TypedField[] = [FLOAT_DATA, INT32_DATA, INT64_DATA, DOUBLE_DATA, UINT64_DATA];

const dataTypes: Readonly<Record<number, OnnxDataType>> = {
  1: { name: "FLOAT", elementType: "F32", field: FLOAT_DATA },
  2: { name: "UINT8", elementType: "U8", field: INT32_DATA },
  3: { name: "INT8", elementType: "I8", field: INT32_DATA },
  4: { name: "UINT16", elementType: "U16", field: INT32_DATA },
  5: { name: "INT16", elementType: "I16", field: INT32_DATA },
  6: { name: "INT32", elementType: "I32", field: INT32_DATA },
  7: { name: "INT64", elementType: "I64", field: INT64_DATA },
  8: { name: "STRING" },
  9: { name: "BOOL", elementType: "BOOL", field: INT32_DATA },
  10: { name: "FLOAT16", elementType: "F16", field: INT32_DATA },
  11: { name: "DOUBLE", elementType: "F64", field: DOUBLE_DATA },
  12: { name: "UINT32", elementType: "U32", field: UINT64_DATA },
  13: { name: "UINT64", elementType: "U64", field: UINT64_DATA },
  14: { name: "COMPLEX64" },
  15: { name: "COMPLEX128" },
  16: { name: "BFLOAT16", elementType: "BF16", field: INT32_DATA },
  17: { name: "FLOAT8E4M3FN" },
  18: { name: "FLOAT8E4M3FNUZ" },
  19: { name: "FLOAT8E5M2" },
  20: { name: "FLOAT8E5M2FNUZ" },
  21: { name: "UINT4" },
  22: { name: "INT4" },
  23: { name: "FLOAT4E2M1" },
  24: { name: "FLOAT8E8M0" },
  25: { name: "UINT2" },
  26: { name: "INT2" },
};

/** The type of a number; undefined for numbers that ONNX does not give away. */
export function dataTypeOf(code: number): OnnxDataType | undefined {
  return Object.hasOwn(dataTypes, code) ? dataTypes[code] : undefined;
}

/** The number of a type that is read and written here. */
export function dataTypeCode(elementType: ElementType): number {
  return Number(Object.keys(dataTypes).find((code) => dataTypes[Number(code)].elementType === elementType));
}
