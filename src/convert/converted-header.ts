/**
 * What a converted checkpoint says of its ternary tensors: JSON under the key `bitlinear-checkpoint` in the metadata of a
 * safetensors file. A weight `w` is stored as U8 `w` with F32 `w.scales`, or as `w.0`, `w.0.scales`, `w.1`, ... for several
 * planes. docs/formats.md shows it whole.
 */
import { FileError } from "../core/errors.ts";
import { elementCount, type Shape } from "../core/shape.ts";
import type { MatrixShape } from "../core/ternary-matrix.ts";
import { VERSION } from "../core/version.ts";
import { type JsonLimits, parseBoundedJson } from "../runtime/bounded-json.ts";
import { JsonReader } from "../runtime/json-reader.ts";

/** Key of the description in the file's metadata. */
export const CONVERTED_KEY = "bitlinear-checkpoint";

/** Version of the description that this release writes and reads. */
export const CONVERTED_VERSION = 1;

/** One ternary weight of a converted checkpoint. */
export interface ConvertedTensor {
  readonly name: string;
  /** Of the weight before it was converted; the matrix is its first size times the rest, or as `rows` says. */
  readonly shape: Shape;
  readonly outFeatures: number;
  readonly format: string;
  readonly planes: number;
  /** Weights of a row that share a scale, where they are not the whole row. */
  readonly groupSize?: number | undefined;
}

const LIMITS: JsonLimits = { length: 2 ** 25, depth: 5, values: 2 ** 21 };
const MAX_TENSORS = 200_000;
const MAX_MEMBERS = 64;
/** Of the name of a tensor. */
export const MAX_NAME_LENGTH = 10_000;
const MAX_AXES = 8;
const MAX_PLANES = 64;

/** The description as text; equal tensors give equal texts. */
export function writeConvertedHeader(tensors: readonly ConvertedTensor[]): string {
  return JSON.stringify({
    version: CONVERTED_VERSION,
    writtenBy: `bitlinear ${VERSION}`,
    tensors: tensors.map(({ name, shape, outFeatures, format, planes, groupSize }) => ({
      ...{ name, shape, outFeatures, format, planes },
      ...(groupSize !== undefined && { groupSize }),
    })),
  });
}

/** Reads the description. @throws FileError naming the path of what is not allowed, or a version that is not */
export function readConvertedHeader(text: string, file: string): readonly ConvertedTensor[] {
  const json = parseBoundedJson(text, LIMITS, `the text of ${CONVERTED_KEY}`, file);
  const root = new JsonReader(json, CONVERTED_KEY, file);
  const version = root.members(MAX_MEMBERS).get("version")?.wholeNumber(0);
  if (version !== CONVERTED_VERSION) {
    const problem = `written by version ${version ?? "unknown"}; this release reads ${CONVERTED_VERSION}`;
    throw new FileError(`${problem}: update bitlinear, or convert the model again`, { file });
  }
  const { tensors } = root.object(["version", "writtenBy", "tensors"]);
  return tensors.items(MAX_TENSORS).map(readTensor);
}

function readTensor(reader: JsonReader): ConvertedTensor {
  const members = reader.object(["name", "shape", "outFeatures", "format", "planes"], ["groupSize"]);
  const planes = members.planes.wholeNumber(1);
  if (planes > MAX_PLANES) members.planes.failExpecting(`at most ${MAX_PLANES}`);
  const shape = members.shape.items(MAX_AXES).map((size) => size.wholeNumber(1));
  const outFeatures = members.outFeatures.wholeNumber(1);
  const count = elementCount(shape);
  if (!Number.isSafeInteger(count) || count % outFeatures !== 0) {
    members.outFeatures.failExpecting("a number of rows that divides the number of weights");
  }
  return {
    name: members.name.text(MAX_NAME_LENGTH),
    format: members.format.text(MAX_NAME_LENGTH),
    ...{ shape, outFeatures, planes },
    ...(members.groupSize && { groupSize: members.groupSize.wholeNumber(1) }),
  };
}

/** The matrix of a weight. */
export function matrixOf({ shape, outFeatures }: Pick<ConvertedTensor, "shape" | "outFeatures">): MatrixShape {
  return { outFeatures, inFeatures: elementCount(shape) / outFeatures };
}

/** Name of the packed bytes of a plane: the weight's own where it is the only one. */
export function planeName(weight: string, plane: number, planes: number): string {
  return planes === 1 ? weight : `${weight}.${plane}`;
}

/** Name of the scales that belong to packed bytes. */
export function scalesName(packed: string): string {
  return `${packed}.scales`;
}
