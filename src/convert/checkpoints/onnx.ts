/** ONNX models: the weights of their layers as `[out, in]`, whatever way the file holds them, and all other constants. */
import { FileError } from "../../core/errors.ts";
import { elementCount } from "../../core/shape.ts";
import { checkScales } from "../../core/ternary-matrix.ts";
import { decodeFloats } from "../../files/element-values.ts";
import {
  looksLikeOnnx,
  type OnnxBlockWeight,
  type OnnxReader,
  type OnnxTensor,
  type OnnxWeight,
  onnxWeights,
  openOnnx,
  readOnnxRows,
  readOnnxTrits,
} from "../../files/onnx/index.ts";
import { inTensor } from "../packed-plane.ts";
import { rowBlocks } from "../row-blocks.ts";
import { FLOAT_TYPES, matrixOfShape } from "../safetensors-tensors.ts";
import type { CheckpointKind, CheckpointTensor, PackedPlane, StoredBytes } from "./checkpoint.ts";

/** Models of ONNX; what they compute is left aside. */
export const onnx: CheckpointKind = {
  id: "onnx",
  summary: "ONNX: constants of MatMul, Gemm, Conv and MatMulNBits",

  async open(source) {
    if (!looksLikeOnnx(source.start)) return undefined;
    const reader = source.own(await openOnnx(source.source));
    const { weights, unread } = onnxWeights(reader);
    const used = new Set(weights.flatMap(constantsOf));
    const others = [...reader.tensors.values()].filter(({ name }) => !used.has(name));
    const tensors: CheckpointTensor[] = [];
    for (const weight of weights) {
      tensors.push(weight.kind === "float" ? floatWeight(reader, weight) : await blockWeight(reader, weight));
    }
    tensors.push(...others.flatMap((each) => (each.dtype === undefined ? [] : [constant(reader, each)])));
    return {
      kind: "onnx",
      description: reader.producer === "" ? "ONNX model" : `ONNX model of ${reader.producer}`,
      byteLength: source.byteLength,
      tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])),
      texts: Object.fromEntries(reader.metadata),
      ggufMetadata: undefined,
      findings: [
        ...transposedFinding(weights),
        ...[...unread].map(([name, reason]) => `${name} is no weight that is read: ${reason}`),
        ...others.flatMap(({ name, dtype, typeName }) =>
          dtype === undefined ? [`${name} is left out: nothing here has its type, ${typeName}`] : [],
        ),
      ],
    };
  },
};

type Weight = OnnxWeight | OnnxBlockWeight;

/** Names of the constants that a weight is made of. */
function constantsOf(weight: Weight): string[] {
  const { name } = weight.tensor;
  if (weight.kind === "float") return [name];
  return [name, weight.scales.name, ...(weight.zeroPoints === undefined ? [] : [weight.zeroPoints.name])];
}

function transposedFinding(weights: readonly Weight[]): string[] {
  const count = weights.filter((weight) => weight.kind === "float" && weight.isTransposed).length;
  const those = count === 1 ? "one weight is" : `${count} weights are`;
  return count === 0 ? [] : [`${those} stored as [in, out] and read as [out, in]`];
}

/** Weights that are stored the other way round are no bytes that could be kept. */
function floatWeight(reader: OnnxReader, weight: OnnxWeight): CheckpointTensor {
  const { tensor, matrix, isTransposed } = weight;
  const { name, typeName, byteLength } = tensor;
  return {
    ...{ kind: "float", name, type: typeName, byteLength, matrix },
    shape: isTransposed ? [matrix.outFeatures, matrix.inFeatures] : tensor.shape,
    stored: isTransposed ? undefined : storedBytes(reader, tensor),
    readRows: (first, count) => readOnnxRows(reader, weight, first, count),
  };
}

/** Blocks of a few bits: trits where their codes are, else real numbers. */
async function blockWeight(reader: OnnxReader, weight: OnnxBlockWeight): Promise<CheckpointTensor> {
  const { tensor, scales, zeroPoints, matrix, bits, blockSize } = weight;
  const { name } = tensor;
  const { outFeatures, inFeatures } = matrix;
  const head = {
    ...{ name, shape: [outFeatures, inFeatures], matrix, stored: undefined },
    type: `${bits}-bit blocks`,
    byteLength: tensor.byteLength + scales.byteLength + (zeroPoints?.byteLength ?? 0),
  };
  for (const { first, count } of rowBlocks(matrix)) {
    if ((await readOnnxTrits(reader, weight, first, count)) !== undefined) continue;
    return { ...head, kind: "float", readRows: (first, count) => readOnnxRows(reader, weight, first, count) };
  }
  const readPlane = async (): Promise<PackedPlane[]> => {
    const found = await readOnnxTrits(reader, weight, 0, outFeatures);
    if (found === undefined) throw new FileError("its codes changed while it was read", { file: reader.file });
    const { trits } = found;
    const scaling = { scales: found.scales, groupSize: blockSize < inFeatures ? blockSize : undefined };
    checkScales({ ...matrix, scales: scaling.scales, ...(blockSize < inFeatures && { groupSize: blockSize }) });
    return [
      { ...scaling, unpackRows: (first, count) => trits.slice(first * inFeatures, (first + count) * inFeatures) },
    ];
  };
  return {
    ...head,
    ...{ kind: "ternary", format: head.type, planeCount: 1 },
    evidence: `every code of this ${weight.opType} of ${bits} bits, less its zero point, is -1, 0 or 1`,
    readPlanes: () => inTensor(reader.file, name, readPlane),
  };
}

function constant(reader: OnnxReader, tensor: OnnxTensor): CheckpointTensor {
  const { name, shape, typeName, byteLength, dtype } = tensor;
  const head = { name, shape, type: typeName, byteLength };
  const stored = storedBytes(reader, tensor);
  if (dtype === undefined || !FLOAT_TYPES.includes(dtype) || elementCount(shape) === 0) {
    return { ...head, kind: "other", stored };
  }
  const matrix = matrixOfShape(shape, name);
  const rowBytes = byteLength / matrix.outFeatures;
  return {
    ...head,
    ...{ kind: "float", matrix, stored, isConstant: true },
    readRows: async (first, count) =>
      decodeFloats(await reader.read(name, first * rowBytes, (first + count) * rowBytes), dtype),
  };
}

function storedBytes(reader: OnnxReader, { name, dtype, byteLength }: OnnxTensor): StoredBytes {
  return {
    ...{ byteLength, elementType: dtype, ggufType: undefined },
    read: (begin = 0, end = byteLength) => reader.read(name, begin, end),
  };
}
