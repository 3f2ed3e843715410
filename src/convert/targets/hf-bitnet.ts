/** Packed BitNet models of Hugging Face: weights in quarters of their rows, one scale each, which multiplies. */
import { elementCount } from "../../core/shape.ts";
import { encodeFloats, writeSafetensorsStreamed } from "../../files/index.ts";
import { formatById } from "../../formats/index.ts";
import { LINEAR_CLASSES, SCALE_SUFFIX } from "../hf-bitnet-files.ts";
import { packedChunks } from "../row-blocks.ts";
import { floatStream, keptStream, type StreamedTensor } from "../streamed-tensors.ts";
import { targetFormat } from "../target-formats.ts";
import type { Neighbour, Target, TargetContent, TargetTensor } from "./target.ts";

const FORMAT = "hf_bitnet";
const [MULTIPLYING] = LINEAR_CLASSES;

/** What `BitNetForCausalLM` of transformers loads. */
export const hfBitnet: Target = {
  id: "hf-bitnet",
  summary: "packed safetensors and config.json for BitNet in Hugging Face's transformers",
  extensions: [".safetensors"],
  formats: [targetFormat(formatById(FORMAT), 1)],
  readOptions: { linearClass: MULTIPLYING },
  maxNameBytes: 10_000,
  storedNames: (name, planes) => (planes === undefined ? [name] : [name, name + SCALE_SUFFIX]),
  whyNotKept: ({ elementType }) => (elementType === undefined ? "safetensors have no such type" : undefined),

  async write(path, content) {
    await writeSafetensorsStreamed(path, content.tensors.flatMap(streamsOf), { format: "pt", ...content.texts });
    return { notes: [], neighbours: [configOf(content, await content.readConfig())] };
  },
};

function streamsOf(tensor: TargetTensor): StreamedTensor[] {
  const { name, content } = tensor;
  if (content.kind === "kept") return [keptStream(tensor, content)];
  if (content.kind === "float") return [floatStream(tensor, content)];
  const { matrix, planes, readPlanes } = content;
  const shape = [Math.ceil(matrix.outFeatures / 4), matrix.inFeatures];
  const format = formatById(FORMAT);
  return [
    {
      ...{ name, dtype: "U8", shape, byteLength: elementCount(shape) },
      async *chunks() {
        yield* packedChunks(format, (await readPlanes())[0], matrix);
      },
    },
    {
      ...{ name: name + SCALE_SUFFIX, dtype: "F32", shape: [1], byteLength: 4 },
      async *chunks() {
        yield encodeFloats(planes[0].scales.subarray(0, 1), "F32");
      },
    },
  ];
}

/** The configuration of the source with what tells `transformers` how the weights are packed. */
function configOf({ tensors }: TargetContent, config: Readonly<Record<string, unknown>> | undefined): Neighbour {
  const kept = tensors.filter(({ content, shape }) => content.kind !== "ternary" && shape.length === 2);
  const quantization = {
    quant_method: "bitnet",
    linear_class: MULTIPLYING,
    quantization_mode: "offline",
    modules_to_not_convert: kept.map(({ name }) => name.replace(/\.weight$/, "")),
  };
  const members = { ...config, quantization_config: quantization };
  return {
    name: "config.json",
    text: `${JSON.stringify(members, null, 2)}\n`,
    purpose: `"quantization_config": ${JSON.stringify(quantization)}`,
  };
}
