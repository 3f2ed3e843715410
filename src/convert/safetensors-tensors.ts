/** Tensors of a safetensors file as those of a checkpoint. */
import { elementCount, type Shape } from "../core/shape.ts";
import type { MatrixShape } from "../core/ternary-matrix.ts";
import { decodeFloats, type ElementType, type SafetensorsReader, type StoredTensor } from "../files/index.ts";
import type { FloatTensor, OtherTensor, StoredBytes } from "./checkpoints/checkpoint.ts";

/** Element types that hold real numbers. */
export const FLOAT_TYPES: readonly ElementType[] = ["F32", "F16", "BF16", "F64"];

/** A tensor as it is stored: floats by rows, all else as bytes. */
export function plainTensor(reader: SafetensorsReader, tensor: StoredTensor): FloatTensor | OtherTensor {
  const { name, dtype, shape, byteLength } = tensor;
  const head = { name, shape, type: dtype, byteLength };
  const stored = storedTensor(reader, tensor);
  if (!FLOAT_TYPES.includes(dtype) || elementCount(shape) === 0) return { ...head, kind: "other", stored };
  const matrix = matrixOfShape(shape, name);
  const rowBytes = byteLength / matrix.outFeatures;
  return {
    ...head,
    ...{ kind: "float", matrix, stored },
    readRows: async (first, count) =>
      decodeFloats(await reader.read(name, first * rowBytes, (first + count) * rowBytes), dtype),
  };
}

/** The bytes of a tensor. */
export function storedTensor(reader: SafetensorsReader, { name, dtype, byteLength }: StoredTensor): StoredBytes {
  return {
    ...{ byteLength, elementType: dtype, ggufType: undefined },
    read: (begin = 0, end = byteLength) => reader.read(name, begin, end),
  };
}

/**
 * A tensor as a matrix `[out, in]`: output channels are the first axis, as PyTorch stores linear and convolution layers, and a
 * vector is one row. Experts that are stored in one tensor of three axes have a matrix each, one below the other.
 */
export function matrixOfShape(shape: Shape, name: string): MatrixShape {
  const count = elementCount(shape);
  if (shape.length < 2) return { outFeatures: 1, inFeatures: count };
  const outFeatures = shape.length === 3 && /expert/i.test(name) ? shape[0] * shape[1] : shape[0];
  return { outFeatures, inFeatures: count / outFeatures };
}
