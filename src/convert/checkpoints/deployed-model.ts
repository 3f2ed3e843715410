/** Saved models: the weights of their operations, without the operations. */
import { FileError } from "../../core/errors.ts";
import { decodeFloats, type SafetensorsReader, type StoredTensor } from "../../files/index.ts";
import { formatById } from "../../formats/index.ts";
import { MODEL_KEY, type NodeHeader, readModelHeader, type TernaryTensorHeader } from "../../runtime/model-header.ts";
import { inTensor, packedPlane } from "../packed-plane.ts";
import { plainTensor } from "../safetensors-tensors.ts";
import type { CheckpointKind, CheckpointTensor, PackedPlane, TernaryTensor } from "./checkpoint.ts";

/** Models that `saveModel` and `bitlinear train` wrote. */
export const deployedModel: CheckpointKind = {
  id: "model",
  summary: "deployed models of bitlinear, .safetensors",

  async open(source) {
    const reader = await source.safetensors();
    const text = reader?.metadata[MODEL_KEY];
    if (reader === undefined || text === undefined) return undefined;
    const { [MODEL_KEY]: _, ...texts } = reader.metadata;
    const { nodes } = readModelHeader(text, source.file);
    const tensors = nodes.flatMap((node) => tensorsOf(reader, node, source.file));
    return {
      kind: "model",
      description: `deployed model of ${nodes.length} operations (safetensors)`,
      byteLength: source.byteLength,
      tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])),
      texts,
      ggufMetadata: undefined,
      findings: [],
    };
  },
};

/** All ternary tensors of a node are planes of one weight. */
function tensorsOf(reader: SafetensorsReader, node: NodeHeader, file: string): CheckpointTensor[] {
  const found = (name: string): StoredTensor => {
    const tensor = reader.tensors.get(name);
    if (tensor !== undefined) return tensor;
    throw new FileError("an operation needs this tensor, which is missing: the file is damaged", {
      file,
      tensor: name,
    });
  };
  const planes: { header: TernaryTensorHeader; packed: StoredTensor; scales: StoredTensor }[] = [];
  const others: CheckpointTensor[] = [];
  for (const [name, header] of node.tensors) {
    const stored = `${node.name}.${name}`;
    if (header.kind === "float32") others.push(plainTensor(reader, found(stored)));
    else planes.push({ header, packed: found(stored), scales: found(`${stored}.scales`) });
  }
  if (planes.length === 0) return others;
  const [{ header, packed }] = planes;
  const { outFeatures, inFeatures, format: id } = header;
  const name = planes.length === 1 ? packed.name : packed.name.replace(/\.\d+$/, "");
  const readPlane = async ({ header, packed, scales }: (typeof planes)[number]): Promise<PackedPlane> => {
    const values = decodeFloats(await reader.read(scales.name), scales.dtype);
    return packedPlane(formatById(header.format), await reader.read(packed.name), header, { scales: values });
  };
  const weight: TernaryTensor = {
    ...{ kind: "ternary", name, shape: [outFeatures, inFeatures], type: id, format: id },
    ...{ matrix: { outFeatures, inFeatures }, planeCount: planes.length, stored: undefined },
    byteLength: planes.reduce((sum, { packed, scales }) => sum + packed.byteLength + scales.byteLength, 0),
    evidence: `weight of the operation ${node.op}`,
    readPlanes: () => inTensor(file, name, () => Promise.all(planes.map(readPlane))),
  };
  return [weight, ...others];
}
