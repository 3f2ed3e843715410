/** Checkpoints that `bitlinear convert` wrote: packed planes beside the tensors that were kept. */
import { FileError } from "../../core/errors.ts";
import { decodeFloats, type SafetensorsReader, type StoredTensor } from "../../files/index.ts";
import { formatById } from "../../formats/index.ts";
import {
  CONVERTED_KEY,
  type ConvertedTensor,
  matrixOf,
  planeName,
  readConvertedHeader,
  scalesName,
} from "../converted-header.ts";
import { inTensor, packedPlane } from "../packed-plane.ts";
import { plainTensor } from "../safetensors-tensors.ts";
import type { CheckpointKind, CheckpointTensor, PackedPlane, TernaryTensor } from "./checkpoint.ts";

/** Our own converted checkpoints. */
export const converted: CheckpointKind = {
  id: "converted",
  summary: "safetensors that bitlinear convert wrote",

  async open(source) {
    const reader = await source.safetensors();
    const text = reader?.metadata[CONVERTED_KEY];
    if (reader === undefined || text === undefined) return undefined;
    const { [CONVERTED_KEY]: _, ...texts } = reader.metadata;
    const described = readConvertedHeader(text, source.file);
    return {
      kind: "converted",
      description: "converted checkpoint (safetensors)",
      byteLength: source.byteLength,
      tensors: allTensors(reader, described, source.file),
      texts,
      ggufMetadata: undefined,
      findings: [],
    };
  },
};

function allTensors(
  reader: SafetensorsReader,
  described: readonly ConvertedTensor[],
  file: string,
): Map<string, CheckpointTensor> {
  const unused = new Map(reader.tensors);
  const take = (name: string, dtype: string): StoredTensor => {
    const tensor = unused.get(name);
    if (tensor?.dtype !== dtype) {
      const got = tensor === undefined ? "which is missing or used already" : `got ${tensor.dtype}`;
      throw new FileError(`${CONVERTED_KEY} needs this tensor as ${dtype}, ${got}`, { file, tensor: name });
    }
    unused.delete(name);
    return tensor;
  };
  const tensors = new Map<string, CheckpointTensor>();
  for (const one of described) {
    const planes = Array.from({ length: one.planes }, (_, i) => {
      const packed = planeName(one.name, i, one.planes);
      return { packed: take(packed, "U8"), scales: take(scalesName(packed), "F32") };
    });
    tensors.set(one.name, ternaryTensor(reader, one, planes, file));
  }
  for (const tensor of unused.values()) {
    if (tensors.has(tensor.name)) throw new FileError("two tensors have this name", { file, tensor: tensor.name });
    tensors.set(tensor.name, plainTensor(reader, tensor));
  }
  return tensors;
}

interface StoredPlane {
  readonly packed: StoredTensor;
  readonly scales: StoredTensor;
}

function ternaryTensor(
  reader: SafetensorsReader,
  described: ConvertedTensor,
  planes: readonly StoredPlane[],
  file: string,
): TernaryTensor {
  const { name, shape, format: id, groupSize } = described;
  const matrix = matrixOf(described);
  const readPlane = async ({ packed, scales }: StoredPlane): Promise<PackedPlane> => {
    const values = decodeFloats(await reader.read(scales.name), scales.dtype);
    return packedPlane(formatById(id), await reader.read(packed.name), matrix, { scales: values, groupSize });
  };
  return {
    ...{ kind: "ternary", name, shape, type: id, format: id, matrix, planeCount: planes.length },
    byteLength: planes.reduce((sum, { packed, scales }) => sum + packed.byteLength + scales.byteLength, 0),
    evidence: `described in the metadata under ${CONVERTED_KEY}`,
    stored: undefined,
    readPlanes: () => inTensor(file, name, () => Promise.all(planes.map(readPlane))),
  };
}
