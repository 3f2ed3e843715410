/** GGUF files: real numbers of any block type that is read, ternary types, and all else as bytes. */
import { elementCount } from "../../core/shape.ts";
import type { MatrixShape } from "../../core/ternary-matrix.ts";
import {
  type GgufMetadata,
  type GgufReader,
  type GgufTensor,
  ggufFloats,
  ggufFloatTypeNames,
  ggufNumber,
  ggufText,
  openGguf,
  typeByName,
} from "../../files/gguf/index.ts";
import type { ElementType } from "../../files/index.ts";
import { formatById } from "../../formats/index.ts";
import { inTensor, packedPlaneWithScales } from "../packed-plane.ts";
import type { CheckpointKind, CheckpointTensor, StoredBytes } from "./checkpoint.ts";

/** Types whose trits are read, by the format that stores the same bytes. */
const TERNARY_FORMATS: ReadonlyMap<string, string> = new Map([
  ["TQ1_0", "tq1_0"],
  ["TQ2_0", "tq2_0"],
  ["I2_S", "i2_s"],
  ["Q2_0", "q2_0"],
  ["Q2_0_128", "q2_0_g128"],
]);

/** Types that safetensors files have under the same names. */
const ELEMENT_TYPES: readonly ElementType[] = ["F32", "F16", "BF16", "F64", "I8", "I16", "I32", "I64"];

const MAGIC = new TextEncoder().encode("GGUF");

/** Models of llama.cpp and bitnet.cpp. */
export const gguf: CheckpointKind = {
  id: "gguf",
  summary: "GGUF of llama.cpp or bitnet.cpp",

  async open(source) {
    if (!source.startsWith(MAGIC)) return undefined;
    const reader = source.own(await openGguf(source.source));
    const tensors = [...reader.tensors.values()];
    const architecture = ggufText(reader.metadata, "general.architecture");
    return {
      kind: "gguf",
      description: `GGUF v${reader.version}, ${architecture === undefined ? "no architecture" : `architecture ${architecture}`}`,
      byteLength: reader.byteLength,
      tensors: new Map(tensors.map((tensor) => [tensor.name, checkpointTensor(reader, tensor)])),
      texts: {},
      ggufMetadata: reader.metadata,
      findings: [...partFinding(reader.metadata), ...findingsOf(tensors)],
    };
  },
};

/** One part of a model that is split over several files is read on its own. */
function partFinding(metadata: GgufMetadata): string[] {
  const count = ggufNumber(metadata, "split.count") ?? 1;
  return count > 1 ? [`this is one of ${count} parts of a model, and the tensors of the others are not here`] : [];
}

/** Each way in which an ambiguous type was decided, once. */
function findingsOf(tensors: readonly GgufTensor[]): string[] {
  const counts = new Map<string, number>();
  for (const { typeName, typeEvidence, refusal } of tensors) {
    const texts = [
      ...(typeEvidence === undefined ? [] : [typeEvidence]),
      ...(refusal === undefined ? [] : [`${typeName} is not read: ${refusal}`]),
    ];
    for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return [...counts].map(([text, count]) => `${text} (${count === 1 ? "1 tensor" : `${count} tensors`})`);
}

function checkpointTensor(reader: GgufReader, tensor: GgufTensor): CheckpointTensor {
  const { name, shape, typeName, byteLength } = tensor;
  const head = { name, shape, type: typeName, byteLength };
  const stored = storedBytes(reader, tensor);
  const matrix = matrixOf(tensor);
  const format = TERNARY_FORMATS.get(typeName);
  if (elementCount(shape) === 0 || tensor.refusal !== undefined) return { ...head, kind: "other", stored };
  if (format !== undefined) {
    const readPlane = async () => [packedPlaneWithScales(formatById(format), await reader.read(name), matrix)];
    return {
      ...head,
      ...{ kind: "ternary", format, matrix, planeCount: 1, stored },
      evidence: tensor.typeEvidence ?? `type ${tensor.type} of GGUF is ${typeName} and nothing else`,
      readPlanes: () => inTensor(reader.file, name, readPlane),
    };
  }
  if (!ggufFloatTypeNames.includes(typeName)) return { ...head, kind: "other", stored };
  const rowBytes = byteLength / matrix.outFeatures;
  return {
    ...head,
    ...{ kind: "float", matrix, stored },
    readRows: async (first, count) =>
      ggufFloats(await reader.read(name, first * rowBytes, (first + count) * rowBytes), tensor.type),
  };
}

/** Rows are along the last axis; several matrices, such as those of experts, stand one below the other. */
function matrixOf({ shape }: GgufTensor): MatrixShape {
  const inFeatures = shape.at(-1) ?? 1;
  return { outFeatures: inFeatures === 0 ? 0 : elementCount(shape) / inFeatures, inFeatures };
}

function storedBytes(reader: GgufReader, { name, typeName, byteLength }: GgufTensor): StoredBytes {
  const elementType = ELEMENT_TYPES.find((type) => type === typeByName(typeName)?.name);
  return {
    ...{ byteLength, elementType, ggufType: typeName },
    read: (begin = 0, end = byteLength) => reader.read(name, begin, end),
  };
}
