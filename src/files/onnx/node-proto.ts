/** What an ONNX file says of an operation: `NodeProto`. */
import { readTensorProto, type StoredOnnxTensor } from "./tensor-proto.ts";
import { BYTES, type ByteRange, MAX_VARINT_BYTES, type WireField, type WireReader } from "./wire-reader.ts";

/** An attribute: a number or a short list of whole numbers; others are left out. */
export type OnnxAttribute = number | readonly number[];

/** An operation of an ONNX file. */
export interface OnnxNode {
  /** May be empty. */
  readonly name: string;
  readonly opType: string;
  /** Operator set; empty for the standard one. */
  readonly domain: string;
  /** Names of values; an empty one stands for an input that is not given. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, OnnxAttribute>;
}

/** A node, and the tensor it holds where it is a constant. */
export interface ReadNode {
  readonly node: OnnxNode;
  readonly constant: StoredOnnxTensor | undefined;
}

/** Numbers of the fields of `NodeProto` and `AttributeProto`. */
const FIELDS = { input: 1, output: 2, name: 3, opType: 4, attribute: 5, domain: 7 };
const ATTRIBUTE_FIELDS = { name: 1, float: 2, integer: 3, tensor: 5, integers: 8 };

const MAX_VALUES = 1 << 16;
const MAX_ATTRIBUTES = 1 << 10;
/** Longer lists are tables of numbers, which say nothing about weights. */
const MAX_LIST = 64;

interface Draft {
  readonly inputs: string[];
  readonly outputs: string[];
  readonly attributes: Map<string, OnnxAttribute>;
  name: string;
  opType: string;
  domain: string;
  value: ByteRange | undefined;
}

/** Reads a node. @throws FileError with the byte that does not belong */
export async function readNodeProto(wire: WireReader, message: ByteRange): Promise<ReadNode> {
  const draft: Draft = {
    ...{ inputs: [], outputs: [], attributes: new Map() },
    ...{ name: "", opType: "", domain: "", value: undefined },
  };
  for await (const field of wire.fields(message)) await readField(wire, field, draft);
  const { inputs, outputs, attributes, name, opType, domain, value } = draft;
  const node = { inputs, outputs, attributes, name, opType, domain };
  const isConstant = opType === "Constant" && value !== undefined && outputs.length === 1;
  return { node, constant: isConstant ? await readTensorProto(wire, value, outputs[0]) : undefined };
}

async function readField(wire: WireReader, field: WireField, draft: Draft): Promise<void> {
  switch (field.number) {
    case FIELDS.input:
      draft.inputs.push(await wire.text(field, "the name of a value"));
      if (draft.inputs.length > MAX_VALUES) wire.fail(`a node reads at most ${MAX_VALUES} values`, field.start);
      break;
    case FIELDS.output:
      draft.outputs.push(await wire.text(field, "the name of a value"));
      if (draft.outputs.length > MAX_VALUES) wire.fail(`a node gives at most ${MAX_VALUES} values`, field.start);
      break;
    case FIELDS.name:
      draft.name = await wire.text(field, "the name of a node");
      break;
    case FIELDS.opType:
      draft.opType = await wire.text(field, "the operator of a node");
      break;
    case FIELDS.domain:
      draft.domain = await wire.text(field, "the domain of an operator");
      break;
    case FIELDS.attribute:
      if (draft.attributes.size === MAX_ATTRIBUTES) {
        wire.fail(`a node has at most ${MAX_ATTRIBUTES} attributes`, field.start);
      }
      await readAttribute(wire, wire.expect(field, BYTES, "an attribute"), draft);
      break;
  }
}

async function readAttribute(wire: WireReader, message: ByteRange, draft: Draft): Promise<void> {
  let name = "";
  let value: OnnxAttribute | undefined;
  let tensor: ByteRange | undefined;
  const list: number[] = [];
  for await (const field of wire.fields(message)) {
    switch (field.number) {
      case ATTRIBUTE_FIELDS.name:
        name = await wire.text(field, "the name of an attribute");
        break;
      case ATTRIBUTE_FIELDS.float:
        value = await wire.float32(field, "a number");
        break;
      case ATTRIBUTE_FIELDS.integer:
        value = wire.integer(field, "a whole number");
        break;
      case ATTRIBUTE_FIELDS.tensor:
        tensor = wire.expect(field, BYTES, "a tensor");
        break;
      case ATTRIBUTE_FIELDS.integers:
        // One too many tells that the list is long.
        if (list.length > MAX_LIST || field.end - field.begin > MAX_LIST * MAX_VARINT_BYTES) list.length = MAX_LIST + 1;
        else list.push(...(await wire.integers(field, "a list of whole numbers", MAX_LIST * MAX_VARINT_BYTES)));
        break;
    }
  }
  if (name === "value" && tensor) draft.value = tensor;
  if (list.length > 0 && list.length <= MAX_LIST) value = list;
  if (value !== undefined) draft.attributes.set(name, value);
}
