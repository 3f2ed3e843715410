/**
 * The architecture of a saved model as JSON: the text under the key `bitlinear` in the metadata of its safetensors file.
 * docs/formats.md shows it whole. A version means exactly these members: unknown ones are refused, because ignoring what
 * another release meant would run another model.
 */
import { FileError } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import { VERSION } from "../core/version.ts";
import { type JsonLimits, parseBoundedJson } from "./bounded-json.ts";
import type { AttributeValue, Graph, GraphNode, NodeTensor } from "./graph.ts";
import { JsonReader } from "./json-reader.ts";

/** Key of the architecture in the file's metadata. */
export const MODEL_KEY = "bitlinear";

/** Version of the architecture's JSON that this release writes and reads. */
export const MODEL_VERSION = 1;

/** A node's float32 array, without its values. */
export interface FloatTensorHeader {
  readonly kind: "float32";
  readonly shape: Shape;
}

/** A node's ternary matrix, without its trits and scales. */
export interface TernaryTensorHeader {
  readonly kind: "ternary";
  readonly format: string;
  readonly outFeatures: number;
  readonly inFeatures: number;
}

/** What the architecture says of a tensor. */
export type TensorHeader = FloatTensorHeader | TernaryTensorHeader;

/** A node without its weights. */
export interface NodeHeader extends Omit<GraphNode, "tensors"> {
  /** By name, in the order of the node: planes of a multi-ternary weight add up in it. */
  readonly tensors: ReadonlyMap<string, TensorHeader>;
}

/** A graph without its weights and metadata. */
export interface ModelHeader extends Pick<Graph, "inputShape" | "output" | "sampleShape"> {
  readonly nodes: readonly NodeHeader[];
}

/** Several times what the largest transformers need, and little enough to be parsed in about a second within 200 MB. */
const LIMITS: JsonLimits = { length: 2 ** 23, depth: 8, values: 2 ** 19 };
const MAX_NODES = 2 ** 13;
const MAX_NAME_LENGTH = 500;
const MAX_TEXT_LENGTH = 1000;
const MAX_MEMBERS = 256;

/** Axes that a tensor or a sample of a model file may have. */
export const MAX_AXES = 8;

/** Names of attributes and tensors: words of operations, none of which starts with `_`. */
const MEMBER_NAME = /^[A-Za-z][\w.-]{0,99}$/;

/** The architecture of a graph; equal graphs give equal texts. */
export function writeModelHeader({ nodes, output, inputShape, sampleShape }: Graph): string {
  return JSON.stringify({
    version: MODEL_VERSION,
    writtenBy: `bitlinear ${VERSION}`,
    ...(inputShape && { inputShape }),
    ...(sampleShape && { sampleShape }),
    nodes: nodes.map(({ name, op, inputs, attributes, tensors }) => ({
      name,
      op,
      inputs,
      attributes: sortedByName(attributes),
      tensors: Object.entries(tensors).map(([tensorName, tensor]) => ({ name: tensorName, ...headerOf(tensor) })),
    })),
    output,
  });
}

/**
 * Reads an architecture; whether its nodes fit together and its tensors exist is for the caller to check.
 *
 * @throws FileError naming the path of the value that is not allowed, or the version that is not
 */
export function readModelHeader(text: string, file: string): ModelHeader {
  const root = new JsonReader(parseBoundedJson(text, LIMITS, `the text of ${MODEL_KEY}`, file), MODEL_KEY, file);
  checkVersion(root.members(MAX_MEMBERS), file);
  const required = ["version", "writtenBy", "nodes", "output"] as const;
  const { output, nodes, inputShape, sampleShape } = root.object(required, ["inputShape", "sampleShape"]);
  return {
    nodes: nodes.items(MAX_NODES).map(readNode),
    output: output.wholeNumber(0),
    ...(inputShape && { inputShape: inputShape.items(MAX_AXES).map(readInputSize) }),
    ...(sampleShape && { sampleShape: sampleShape.items(MAX_AXES).map((size) => size.wholeNumber(1)) }),
  };
}

function headerOf(tensor: NodeTensor): TensorHeader {
  if (tensor.kind === "float32") return { kind: tensor.kind, shape: tensor.shape };
  const { kind, format, outFeatures, inFeatures } = tensor;
  return { kind, format, outFeatures, inFeatures };
}

function checkVersion(members: ReadonlyMap<string, JsonReader>, file: string): void {
  const version = members.get("version");
  if (version === undefined) {
    throw new FileError(`${MODEL_KEY} must say its version, which is missing: the file is of another program`, {
      file,
    });
  }
  if (version.value === MODEL_VERSION) return;
  const written = version.wholeNumber(0);
  const writer = members.get("writtenBy")?.text(MAX_TEXT_LENGTH);
  const by = writer === undefined ? "" : ` (by ${JSON.stringify(writer)})`;
  const next = written > MODEL_VERSION ? "update bitlinear to read it" : "save the model again with this release";
  throw new FileError(`written by version ${written}${by}; this release reads ${MODEL_VERSION}: ${next}`, { file });
}

function readNode(reader: JsonReader): NodeHeader {
  const { name, op, inputs, attributes, tensors } = reader.object(["name", "op", "inputs", "attributes", "tensors"]);
  return {
    name: name.text(MAX_NAME_LENGTH),
    op: op.text(MAX_NAME_LENGTH),
    inputs: inputs.items(MAX_MEMBERS).map((input) => input.wholeNumber(0)),
    attributes: readAttributes(attributes),
    tensors: readTensors(tensors),
  };
}

function readAttributes(reader: JsonReader): Readonly<Record<string, AttributeValue>> {
  const members = [...reader.members(MAX_MEMBERS)];
  return Object.fromEntries(members.map(([name, value]) => [checkMemberName(name, reader), readAttribute(value)]));
}

function readAttribute(reader: JsonReader): AttributeValue {
  if (typeof reader.value === "boolean") return reader.value;
  if (typeof reader.value === "string") return reader.text(MAX_TEXT_LENGTH);
  if (Array.isArray(reader.value)) return reader.items(MAX_MEMBERS).map((item) => item.finiteNumber());
  if (typeof reader.value === "number") return reader.finiteNumber();
  return reader.failExpecting("a number, a text, true, false or a list of numbers");
}

function readTensors(reader: JsonReader): ReadonlyMap<string, TensorHeader> {
  const tensors = new Map<string, TensorHeader>();
  for (const item of reader.items(MAX_MEMBERS)) {
    const { name, header } = readTensor(item);
    if (tensors.has(name)) item.failExpecting(`of another name than the tensors before it, which include ${name}`);
    tensors.set(name, header);
  }
  return tensors;
}

function readTensor(reader: JsonReader): { name: string; header: TensorHeader } {
  const kind = reader.members(MAX_MEMBERS).get("kind");
  if (kind?.value === "float32") {
    const { name, shape } = reader.object(["name", "kind", "shape"]);
    const sizes = shape.items(MAX_AXES).map((size) => size.wholeNumber(1));
    return { name: checkMemberName(name.text(MAX_NAME_LENGTH), name), header: { kind: "float32", shape: sizes } };
  }
  if (kind?.value === "ternary") {
    const { name, format, outFeatures, inFeatures } = reader.object([
      "name",
      "kind",
      "format",
      "outFeatures",
      "inFeatures",
    ]);
    const header: TernaryTensorHeader = {
      kind: "ternary",
      format: format.text(MAX_NAME_LENGTH),
      outFeatures: outFeatures.wholeNumber(1),
      inFeatures: inFeatures.wholeNumber(1),
    };
    return { name: checkMemberName(name.text(MAX_NAME_LENGTH), name), header };
  }
  return (kind ?? reader).failExpecting(
    kind ? `"float32" or "ternary"` : `a tensor with a kind, "float32" or "ternary"`,
  );
}

function readInputSize(reader: JsonReader): number | null {
  return reader.value === null ? null : reader.wholeNumber(1);
}

function checkMemberName(name: string, reader: JsonReader): string {
  if (MEMBER_NAME.test(name)) return name;
  return reader.failExpecting(`made of names of letters, digits, "_", "." and "-" that start with a letter`);
}

function sortedByName(attributes: GraphNode["attributes"]): GraphNode["attributes"] {
  return Object.fromEntries(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)));
}
