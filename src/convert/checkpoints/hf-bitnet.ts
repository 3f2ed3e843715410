/**
 * Packed BitNet models of Hugging Face: `w` is U8 `[ceil(N / 4), K]`, and beside it stands one number, `w_scale`. Whether that
 * multiplies or divides depends on the class of layer that reads it, which config.json names.
 */
import { FileError, UsageError } from "../../core/errors.ts";
import { decodeFloats, type SafetensorsReader, type StoredTensor } from "../../files/index.ts";
import { formatById } from "../../formats/index.ts";
import type { CheckpointSource, Configuration } from "../checkpoint-source.ts";
import { LINEAR_CLASSES, SCALE_SUFFIX } from "../hf-bitnet-files.ts";
import { inTensor, packedPlane } from "../packed-plane.ts";
import { plainTensor } from "../safetensors-tensors.ts";
import type { CheckpointKind, CheckpointTensor, TernaryTensor } from "./checkpoint.ts";

const FORMAT = "hf_bitnet";

/** Models of `transformers` whose layers are packed. */
export const hfBitnet: CheckpointKind = {
  id: "hf-bitnet",
  summary: "packed BitNet models of Hugging Face, safetensors with config.json",

  async open(source) {
    const reader = await source.safetensors();
    const packed = reader === undefined ? [] : [...reader.tensors.values()].filter((each) => isPacked(reader, each));
    if (reader === undefined || packed.length === 0) return undefined;
    const rule = await scaleRuleOf(source, packed[0].name);
    const scales = new Set(packed.map(({ name }) => name + SCALE_SUFFIX));
    const tensors = [...reader.tensors.values()].flatMap((tensor): CheckpointTensor[] => {
      if (scales.has(tensor.name)) return [];
      return [packed.includes(tensor) ? ternaryTensor(reader, tensor, rule, source.file) : plainTensor(reader, tensor)];
    });
    return {
      kind: "hf-bitnet",
      description: "packed BitNet model of Hugging Face (safetensors)",
      byteLength: source.byteLength,
      tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])),
      texts: reader.metadata,
      ggufMetadata: undefined,
      findings: [
        `weight_scale of ${packed.length} tensors ${rule.divides ? "divides" : "multiplies"}: ${rule.evidence}`,
      ],
    };
  },
};

function isPacked({ tensors }: SafetensorsReader, { name, dtype, shape }: StoredTensor): boolean {
  const scale = tensors.get(name + SCALE_SUFFIX);
  return dtype === "U8" && shape.length === 2 && scale?.shape.every((size) => size === 1) === true;
}

/** Whether scales divide, and how that is known. */
interface ScaleRule {
  readonly divides: boolean;
  readonly evidence: string;
}

/** @throws FileError when nothing tells: a wrong guess would give a model that talks nonsense */
async function scaleRuleOf(source: CheckpointSource, tensor: string): Promise<ScaleRule> {
  const { options, file } = source;
  if (options.linearClass !== undefined) {
    return { divides: divides(options.linearClass), evidence: `the linear class ${options.linearClass} was asked for` };
  }
  const config = await source.config();
  if (config === undefined) {
    const problem = "weight_scale multiplies or divides, and no config.json beside the file tells which";
    const advice = `put it there, or say --linear-class ${LINEAR_CLASSES.join(" or --linear-class ")}`;
    throw new FileError(`${problem}: ${advice}`, { file, tensor });
  }
  const linearClass = linearClassIn(config);
  if (linearClass === undefined) {
    return {
      divides: true,
      evidence: `${config.file} names no linear_class, and the default is bitlinear, which divides`,
    };
  }
  return { divides: divides(linearClass), evidence: `${config.file} names the linear_class ${linearClass}` };
}

/** @throws UsageError for a class that is not known */
function divides(linearClass: string): boolean {
  const [multiplying, dividing] = LINEAR_CLASSES;
  if (linearClass === dividing) return true;
  if (linearClass === multiplying) return false;
  throw new UsageError(`the linear class is ${LINEAR_CLASSES.join(" or ")}, got ${JSON.stringify(linearClass)}`);
}

function linearClassIn({ members, file }: Configuration): string | undefined {
  const { quantization_config: quantization } = members;
  if (typeof quantization !== "object" || quantization === null || !("linear_class" in quantization)) return undefined;
  const { linear_class: linearClass } = quantization;
  if (typeof linearClass === "string") return linearClass;
  throw new FileError(`linear_class of quantization_config must be a text, got ${typeof linearClass}`, { file });
}

function ternaryTensor(
  reader: SafetensorsReader,
  { name, shape: [quarter, inFeatures], byteLength }: StoredTensor,
  { divides, evidence }: ScaleRule,
  file: string,
): TernaryTensor {
  const bias = reader.tensors.get(`${name.replace(/weight$/, "")}bias`);
  const [biasRows] = bias?.shape ?? [];
  const hasBiasRows = biasRows !== undefined && Math.ceil(biasRows / 4) === quarter;
  const matrix = { outFeatures: hasBiasRows ? biasRows : 4 * quarter, inFeatures };
  const scaleName = name + SCALE_SUFFIX;
  const scaleTensor = reader.tensors.get(scaleName);
  const readPlane = async () => {
    const [scale] = decodeFloats(await reader.read(scaleName), scaleTensor?.dtype ?? "F32");
    const scales = Float32Array.of(divides ? 1 / scale : scale);
    return [packedPlane(formatById(FORMAT), await reader.read(name), matrix, { scales })];
  };
  return {
    ...{ kind: "ternary", name, shape: [matrix.outFeatures, inFeatures], type: FORMAT, format: FORMAT },
    ...{ matrix, planeCount: 1, stored: undefined },
    byteLength: byteLength + (scaleTensor?.byteLength ?? 0),
    evidence: `U8 beside a single number of the same name with ${SCALE_SUFFIX}; ${evidence}`,
    readPlanes: () => inTensor(file, name, readPlane),
  };
}
