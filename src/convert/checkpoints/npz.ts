/** NumPy archives: an array each, read whole, because they are compressed. */
import { elementCount } from "../../core/shape.ts";
import { encodeElements } from "../../files/element-values.ts";
import { type NpyArray, npyToFloat32, type StoredTensor } from "../../files/index.ts";
import { type NpzReader, openNpz } from "../../files/npz.ts";
import { FLOAT_TYPES, matrixOfShape } from "../safetensors-tensors.ts";
import type { CheckpointKind, CheckpointTensor, StoredBytes } from "./checkpoint.ts";

const ZIP_MAGIC = [0x50, 0x4b, 0x03, 0x04];

/** Archives that `numpy.savez` writes. */
export const npz: CheckpointKind = {
  id: "npz",
  summary: ".npz of NumPy",

  async open(source) {
    if (!source.startsWith(ZIP_MAGIC)) return undefined;
    const reader = source.own(await openNpz(source.source));
    const read = latestArray(reader);
    const tensors = [...reader.tensors.values()].map((tensor) => checkpointTensor(tensor, read));
    return {
      kind: "npz",
      description: "NumPy archive",
      byteLength: source.byteLength,
      tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])),
      texts: {},
      ggufMetadata: undefined,
      findings: [],
    };
  },
};

type ReadArray = (name: string) => Promise<NpyArray>;

/** Reads arrays and keeps the latest, whose rows are asked for one block after the other. */
function latestArray(reader: NpzReader): ReadArray {
  let latest: { name: string; array: Promise<NpyArray> } | undefined;
  return (name) => {
    if (latest?.name !== name) latest = { name, array: reader.read(name) };
    return latest.array;
  };
}

function checkpointTensor(tensor: StoredTensor, read: ReadArray): CheckpointTensor {
  const { name, shape, dtype, byteLength } = tensor;
  const head = { name, shape, type: dtype, byteLength };
  const stored = storedBytes(tensor, read);
  if (!FLOAT_TYPES.includes(dtype) || elementCount(shape) === 0) return { ...head, kind: "other", stored };
  const matrix = matrixOfShape(shape, name);
  const { inFeatures } = matrix;
  return {
    ...head,
    ...{ kind: "float", matrix, stored },
    readRows: async (first, count) =>
      npyToFloat32(await read(name)).slice(first * inFeatures, (first + count) * inFeatures),
  };
}

/** F16 is widened by the reader, so it is kept as F32. */
function storedBytes({ name, dtype, shape, byteLength }: StoredTensor, read: ReadArray): StoredBytes {
  const isWidened = dtype === "F16";
  const length = isWidened ? 4 * elementCount(shape) : byteLength;
  return {
    ...{ byteLength: length, elementType: isWidened ? "F32" : dtype, ggufType: undefined },
    read: async (begin = 0, end = length) => encodeElements((await read(name)).values).subarray(begin, end),
  };
}
