/** The element types that files hold, under their safetensors names. */
import { elementCount, type Shape } from "../core/shape.ts";

/** An element type by its safetensors name; multi-byte elements are always little-endian. */
export type ElementType =
  | "F32"
  | "F16"
  | "BF16"
  | "F64"
  | "I8"
  | "U8"
  | "I16"
  | "I32"
  | "I64"
  | "U16"
  | "U32"
  | "U64"
  | "BOOL";

/** Bytes of one element, which is also its alignment. */
export const elementByteLengths: Readonly<Record<ElementType, number>> = {
  F64: 8,
  I64: 8,
  U64: 8,
  F32: 4,
  I32: 4,
  U32: 4,
  F16: 2,
  BF16: 2,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** The names of all element types, for messages and tests. */
export const elementTypeNames: readonly ElementType[] = Object.keys(elementByteLengths) as ElementType[];

/** Whether a word of a file names an element type. */
export function isElementType(name: string): name is ElementType {
  return Object.hasOwn(elementByteLengths, name); // own keys only: "constructor" is no type
}

/**
 * Bytes of an array, or `undefined` where they cannot be counted exactly (2⁵³ or more).
 *
 * Sizes are whole numbers from 0 to 2⁵³ - 1. A float64 product of such sizes that is below 2⁵³ is exact, and rounding is
 * monotone, so a true product of 2⁵³ or more never looks smaller.
 */
export function arrayByteLength(dtype: ElementType, shape: Shape): number | undefined {
  const byteLength = elementCount(shape) * elementByteLengths[dtype];
  return Number.isSafeInteger(byteLength) ? byteLength : undefined;
}
