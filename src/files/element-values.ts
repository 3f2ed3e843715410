/** Little-endian bytes of a file to typed arrays and back. */
import { ShapeError } from "../core/errors.ts";
import { float16Bits } from "../core/float16.ts";
import { type ElementType, elementByteLengths } from "./element-types.ts";

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
  float16Table ??= Uint32Array.from({ length: 0x1_0000 }, (_, pattern) => float16Word(pattern));
  const table = float16Table;
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = table[bits[i]];
  return new Float32Array(words.buffer);
}

/** The float32 bit patterns of all float16 patterns: a look into 256 KB of cache costs less than the branches. */
let float16Table: Uint32Array | undefined;

/** The float32 bit pattern with the value of a float16 bit pattern. */
function float16Word(bits: number): number {
  const sign = (bits & 0x8000) << 16;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent !== 0) return sign | ((exponent === 0x1f ? 0xff : exponent - 15 + 127) << 23) | (fraction << 13);
  return sign | new Uint32Array(Float32Array.of(fraction * 2 ** -24).buffer)[0]; // zero, subnormals: normal as float32
}

/** bfloat16 bit patterns as float32, exactly: they are the upper half of one. */
export function widenBfloat16(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i] << 16;
  return new Float32Array(words.buffer);
}

/**
 * The numbers of little-endian `bytes` as float32: F32 as they are (a view of the same memory where it is aligned), F16, BF16
 * and the small integers exactly, all others rounded to the nearest, halves to even.
 *
 * @throws ShapeError when the bytes are no whole number of elements
 */
export function decodeFloats(bytes: Uint8Array, dtype: ElementType): Float32Array {
  const size = elementByteLengths[dtype];
  if (bytes.length % size !== 0) {
    throw new ShapeError(`${bytes.length} bytes are no whole number of ${dtype} elements, which take ${size} each`);
  }
  return toFloat32(decodeElements(dtype, bytes));
}

/** Values as float32, each rounded to the nearest, halves to even; the same memory where they are float32 already. */
export function toFloat32(values: ElementValues): Float32Array {
  if (values instanceof Float32Array) return values;
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) {
    const converted = new Float32Array(values.length);
    for (let i = 0; i < values.length; i++) converted[i] = nearestNumber(values[i]);
    return converted;
  }
  return new Float32Array(values);
}

/** A number that rounds to the same float32 as `value`. To round to float64 first could make a tie of what is none. */
function nearestNumber(value: bigint): number {
  const magnitude = value < 0n ? -value : value;
  if (magnitude < 2n ** 53n) return Number(value);
  // What is cut off is kept as one bit, far below the 24 of float32: it tells a tie from what lies above one.
  const kept = (magnitude >> 12n) | (magnitude % 4096n === 0n ? 0n : 1n);
  return Number(value < 0n ? -kept : kept) * 4096;
}

/**
 * The little-endian bytes of floats, each rounded to the nearest, halves to even; what is too large becomes infinite, and
 * every NaN the quiet one. F32 shares the memory of `values` on all but big-endian machines.
 */
export function encodeFloats(values: Float32Array, dtype: "F32" | "F16" | "BF16"): Uint8Array {
  return encodeElements(floatEncoders[dtype](values));
}

const floatEncoders: Readonly<Record<"F32" | "F16" | "BF16", (values: Float32Array) => Float32Array | Uint16Array>> = {
  F32: (values) => values,
  F16: narrowFloat16,
  BF16: narrowBfloat16,
};

const FLOAT16_LEAST_NORMAL = 0x3880_0000; // 2⁻¹⁴, as a float32 bit pattern
const FLOAT16_OVERFLOW = 0x477f_f000; // 65520, the tie between the largest float16 and infinity
const FLOAT32_INFINITY = 0x7f80_0000; // what lies above is NaN

function narrowFloat16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < words.length; i++) {
    const magnitude = words[i] & 0x7fff_ffff;
    if (magnitude >= FLOAT16_LEAST_NORMAL && magnitude < FLOAT16_OVERFLOW) {
      // Half a step less one, and one more above an odd pattern: so ties go to even, and a carry steps the exponent.
      const rebased = magnitude - ((127 - 15) << 23) + 0xfff + ((magnitude >> 13) & 1);
      bits[i] = ((words[i] >>> 16) & 0x8000) | (rebased >> 13);
    } else bits[i] = float16Bits(values[i]);
  }
  return bits;
}

function narrowBfloat16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < words.length; i++) {
    const isNumber = (words[i] & 0x7fff_ffff) <= FLOAT32_INFINITY;
    bits[i] = isNumber ? (words[i] + 0x7fff + ((words[i] >>> 16) & 1)) >>> 16 : 0x7fc0; // ties to even, as above
  }
  return bits;
}

function typedValues<A extends ElementValues>(bytes: Uint8Array, type: ElementArrayType<A>): A {
  const size = type.BYTES_PER_ELEMENT;
  if (!isHostLittleEndian) return new type(reverseElements(bytes, size).buffer);
  if (bytes.byteOffset % size !== 0) return new type(new Uint8Array(bytes).buffer);
  return new type(bytes.buffer, bytes.byteOffset, bytes.byteLength / size);
}
