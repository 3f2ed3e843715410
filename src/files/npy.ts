/** NumPy's .npy files: one array of numbers each. */
import { FileError, ShapeError } from "../core/errors.ts";
import { checkSize, elementCount, formatShape } from "../core/shape.ts";
import { type ElementType, elementByteLengths } from "./element-types.ts";
import { decodeElements, type ElementValues, encodeElements, toFloat32 } from "./element-values.ts";
import { checkNpyLength, MAX_NPY_HEADER_BYTES, NPY_MAGIC, readNpyHeader } from "./npy-header.ts";

const HEADER_START = 10; // after magic, version 1.0 and the 16-bit header length
const ALIGNMENT = 64; // of the data within the file

/** The array of an .npy file. */
export interface NpyArray {
  readonly dtype: ElementType;
  /** Sizes, outermost first; `[]` is a scalar. */
  readonly shape: readonly number[];
  /** Row-major values in the array type of `dtype`; F16 is widened to float32, BOOL is 0 or 1. */
  readonly values: ElementValues;
}

/**
 * Reads an .npy file of version 1, 2 or 3; Fortran order is transposed to row-major.
 *
 * `values` is a view of `bytes` where order and alignment allow, else a copy.
 *
 * @param file name of the file for messages
 * @throws FileError naming the byte when the file is damaged or holds something else than numbers
 */
export function parseNpy(bytes: Uint8Array, file = "<bytes>"): NpyArray {
  const header = readNpyHeader(bytes, bytes.length, file);
  checkNpyLength(header, bytes.length, file);
  const { dtype, shape, isFortranOrder, dataStart } = header;
  const data = new Uint8Array(bytes.buffer, bytes.byteOffset + dataStart, bytes.length - dataStart);
  if (dtype === "BOOL") checkBooleans(data, file, dataStart);
  const rowMajor = isFortranOrder ? toRowMajor(data, shape, elementByteLengths[dtype]) : data;
  return { dtype, shape, values: decodeElements(dtype, rowMajor) };
}

/** The values as float32, each rounded to the nearest; the same memory where they are float32 already. */
export function npyToFloat32({ values }: NpyArray): Float32Array {
  return toFloat32(values);
}

/**
 * The bytes of an .npy file, version 1.0, row-major, as NumPy itself would write it.
 *
 * @throws ShapeError when the values do not fill the shape
 */
export function writeNpy(values: Float32Array | Int32Array, shape: readonly number[]): Uint8Array<ArrayBuffer> {
  shape.forEach((size, axis) => {
    checkSize(`size ${axis} of the shape`, size, 0);
  });
  if (elementCount(shape) !== values.length) {
    throw new ShapeError(`shape ${formatShape(shape)} does not hold ${values.length} values: give the shape they have`);
  }
  const header = encodeHeader(values instanceof Float32Array ? "<f4" : "<i4", shape);
  const written = new Uint8Array(HEADER_START + header.length + values.byteLength);
  written.set(NPY_MAGIC);
  written[6] = 1; // version 1.0
  new DataView(written.buffer).setUint16(8, header.length, true);
  written.set(header, HEADER_START);
  written.set(encodeElements(values), HEADER_START + header.length);
  return written;
}

function encodeHeader(descr: string, shape: readonly number[]): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const end = Math.ceil((HEADER_START + dict.length + 1) / ALIGNMENT) * ALIGNMENT; // 1 for the line end
  if (end - HEADER_START > MAX_NPY_HEADER_BYTES) {
    throw new ShapeError(`a shape of ${shape.length} axes does not fit the header of an .npy file: reshape it`);
  }
  return new TextEncoder().encode(`${dict.padEnd(end - HEADER_START - 1)}\n`);
}

function checkBooleans(data: Uint8Array, file: string, dataStart: number): void {
  const at = data.findIndex((byte) => byte > 1);
  if (at >= 0) throw new FileError(`a bool must be 0 or 1, got ${data[at]}`, { file, offset: dataStart + at });
}

/** Copies elements from first-axis-fastest to last-axis-fastest order; `shape` has as many elements as `data`. */
function toRowMajor(data: Uint8Array, shape: readonly number[], elementByteLength: number): Uint8Array {
  const sizes = shape.filter((size) => size !== 1); // so that elements >= 2^axes and the loops below stay short
  const strides: number[] = [];
  for (let axis = 0, stride = elementByteLength; axis < sizes.length; axis++) {
    strides.push(stride);
    stride *= sizes[axis];
  }
  const rowMajor = new Uint8Array(data.length);
  const index = new Array<number>(sizes.length).fill(0);
  for (let target = 0, source = 0; target < data.length; target += elementByteLength) {
    for (let byte = 0; byte < elementByteLength; byte++) rowMajor[target + byte] = data[source + byte];
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      source += strides[axis];
      if (++index[axis] < sizes[axis]) break;
      source -= strides[axis] * sizes[axis];
      index[axis] = 0;
    }
  }
  return rowMajor;
}
