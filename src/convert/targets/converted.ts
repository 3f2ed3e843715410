/** Our own converted checkpoint: a safetensors file of packed planes beside all other tensors. */
import { ShapeError } from "../../core/errors.ts";
import { elementCount } from "../../core/shape.ts";
import type { MatrixShape } from "../../core/ternary-matrix.ts";
import { encodeFloats, writeSafetensorsStreamed } from "../../files/index.ts";
import { formatById, formats } from "../../formats/index.ts";
import {
  CONVERTED_KEY,
  type ConvertedTensor,
  MAX_NAME_LENGTH,
  planeName,
  scalesName,
  writeConvertedHeader,
} from "../converted-header.ts";
import { isRowWise, packedChunks } from "../row-blocks.ts";
import { floatStream, keptStream, type StreamedTensor } from "../streamed-tensors.ts";
import { targetFormat } from "../target-formats.ts";
import type { Target, TargetContent, TargetTensor, TernaryContent } from "./target.ts";

const MAX_PLANES = 4;

/** Checkpoints that this package reads, loads into modules and converts on. */
export const converted: Target = {
  id: "checkpoint",
  summary: "safetensors that loadCheckpoint and every bitlinear command read",
  extensions: [".safetensors"],
  formats: formats.filter(({ scales }) => scales === "beside").map((format) => targetFormat(format, MAX_PLANES)),
  maxNameBytes: MAX_NAME_LENGTH,

  storedNames(name, planes) {
    if (planes === undefined) return [name];
    const packed = Array.from({ length: planes }, (_, i) => planeName(name, i, planes));
    return packed.flatMap((each) => [each, scalesName(each)]);
  },

  whyNotKept: ({ elementType }) => (elementType === undefined ? "safetensors have no such type" : undefined),

  async write(path, content) {
    const tensors = content.tensors.flatMap((tensor) => streamsOf(tensor, content.format));
    const described = content.tensors.flatMap((tensor) => describe(tensor, content.format));
    const texts = described.length === 0 ? content.texts : withDescription(content, described);
    await writeSafetensorsStreamed(path, tensors, texts);
    return { notes: [], neighbours: [] };
  },
};

function withDescription({ texts }: TargetContent, described: readonly ConvertedTensor[]): Record<string, string> {
  return { ...texts, [CONVERTED_KEY]: writeConvertedHeader(described) };
}

function describe({ name, shape, content }: TargetTensor, format: string): ConvertedTensor[] {
  if (content.kind !== "ternary") return [];
  const { matrix, planes } = content;
  const [{ groupSize }] = planes;
  if (planes.some((plane) => plane.groupSize !== groupSize)) {
    throw new ShapeError(`the planes of ${name} share scales differently, which a checkpoint cannot say`);
  }
  return [{ name, shape, outFeatures: matrix.outFeatures, format, planes: planes.length, groupSize }];
}

function streamsOf(tensor: TargetTensor, format: string): StreamedTensor[] {
  const { name, content } = tensor;
  if (content.kind === "kept") return [keptStream(tensor, content)];
  if (content.kind === "float") return [floatStream(tensor, content)];
  return [...content.planes.keys()].flatMap((i) => planeStreams(name, content, i, format));
}

function planeStreams(weight: string, content: TernaryContent, i: number, formatId: string): StreamedTensor[] {
  const { matrix, planes, readPlanes } = content;
  const format = formatById(formatId);
  const { scales } = planes[i];
  const name = planeName(weight, i, planes.length);
  const shape = packedShape(format.byteLength(matrix), isRowWise(format, matrix), matrix);
  const perRow = scales.length / matrix.outFeatures;
  return [
    {
      ...{ name, dtype: "U8", shape, byteLength: elementCount(shape) },
      async *chunks() {
        yield* packedChunks(format, (await readPlanes())[i], matrix);
      },
    },
    {
      ...{ name: scalesName(name), dtype: "F32", byteLength: scales.byteLength },
      shape: perRow > 1 ? [matrix.outFeatures, perRow] : [scales.length],
      async *chunks() {
        yield encodeFloats(scales, "F32");
      },
    },
  ];
}

/** `[outFeatures, bytes of a row]` where rows stand one after the other, else `[bytes]`. */
function packedShape(byteLength: number, isRowWise: boolean, { outFeatures }: MatrixShape): readonly number[] {
  return isRowWise ? [outFeatures, byteLength / outFeatures] : [byteLength];
}
