/** Little-endian bytes of a file to typed arrays and back. */
import type { ElementType } from "./element-types.ts";

/** Values as JavaScript holds them; F16 and BF16 widen to float32, which is exact, and BOOL is 0 or 1 in bytes. */
export type ElementValues =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

interface ElementArrayType<A extends ElementValues> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): A;
}

const isHostLittleEndian: boolean = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

const decoders: Readonly<Record<ElementType, (bytes: Uint8Array) => ElementValues>> = {
  F64: (bytes) => typedValues(bytes, Float64Array),
  I64: (bytes) => typedValues(bytes, BigInt64Array),
  U64: (bytes) => typedValues(bytes, BigUint64Array),
  F32: (bytes) => typedValues(bytes, Float32Array),
  I32: (bytes) => typedValues(bytes, Int32Array),
  U32: (bytes) => typedValues(bytes, Uint32Array),
  F16: (bytes) => widenFloat16(typedValues(bytes, Uint16Array)),
  BF16: (bytes) => widenBfloat16(typedValues(bytes, Uint16Array)),
  I16: (bytes) => typedValues(bytes, Int16Array),
  U16: (bytes) => typedValues(bytes, Uint16Array),
  I8: (bytes) => typedValues(bytes, Int8Array),
  U8: (bytes) => typedValues(bytes, Uint8Array),
  BOOL: (bytes) => typedValues(bytes, Uint8Array),
};

/** The values of little-endian `bytes`: a view of the same memory where alignment allows, else a copy. */
export function decodeElements(dtype: ElementType, bytes: Uint8Array): ElementValues {
  return decoders[dtype](bytes);
}

/** The little-endian bytes of `values`: a view of the same memory on all but big-endian machines. */
export function encodeElements(values: ElementValues): Uint8Array {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return isHostLittleEndian ? bytes : reverseElements(bytes, values.BYTES_PER_ELEMENT);
}

/** A copy of `bytes` with the bytes of every element in reverse order. */
export function reverseElements(bytes: Uint8Array, elementByteLength: number): Uint8Array<ArrayBuffer> {
  const reversed = new Uint8Array(bytes);
  for (let start = 0; start < reversed.length; start += elementByteLength) {
    reversed.subarray(start, start + elementByteLength).reverse();
  }
  return reversed;
}

/** IEEE 754 binary16 bit patterns as float32, exactly; NaN payloads are kept. */
export function widenFloat16(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const widened = new Float32Array(bits.length);
  const words = new Uint32Array(widened.buffer);
  for (let i = 0; i < bits.length; i++) {
    const sign = (bits[i] & 0x8000) << 16;
    const exponent = (bits[i] >> 10) & 0x1f;
    const fraction = bits[i] & 0x3ff;
    if (exponent === 0) {
      widened[i] = fraction * 2 ** -24; // zero and subnormals; every such product is a normal float32
      words[i] |= sign;
    } else {
      const wideExponent = exponent === 0x1f ? 0xff : exponent - 15 + 127;
      words[i] = sign | (wideExponent << 23) | (fraction << 13);
    }
  }
  return widened;
}

/** bfloat16 bit patterns as float32, exactly: they are the upper half of one. */
export function widenBfloat16(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i] << 16;
  return new Float32Array(words.buffer);
}

function typedValues<A extends ElementValues>(bytes: Uint8Array, type: ElementArrayType<A>): A {
  const size = type.BYTES_PER_ELEMENT;
  if (!isHostLittleEndian) return new type(reverseElements(bytes, size).buffer);
  if (bytes.byteOffset % size !== 0) return new type(new Uint8Array(bytes).buffer);
  return new type(bytes.buffer, bytes.byteOffset, bytes.byteLength / size);
}
