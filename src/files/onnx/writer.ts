/**
 * ONNX files: a graph of operations over named values, with its constants, as a protocol buffer. Weights are not copied
 * until the bytes are put together at the very end.
 *
 * https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
import { ShapeError, UnsupportedError } from "../../core/errors.ts";
import { elementCount, type Shape } from "../../core/shape.ts";
import type { ElementType } from "../element-types.ts";
import { type ElementValues, encodeElements } from "../element-values.ts";
import { joinChunks } from "../source.ts";
import { dataTypeCode } from "./data-types.ts";
import { BYTES, FIXED32, VARINT } from "./wire-reader.ts";

/** A constant of a graph to be written. */
export interface OnnxConstant {
  readonly name: string;
  readonly dtype: ElementType;
  readonly shape: Shape;
  readonly values: ElementValues;
}

/** Attributes of an operation: whole numbers, lists of them, and other numbers as `{ float }`. */
export type WrittenAttribute = number | readonly number[] | { readonly float: number };

/** An operation of a graph to be written. */
export interface WrittenNode {
  readonly name: string;
  readonly opType: string;
  /** Operator set; the standard one where absent. */
  readonly domain?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, WrittenAttribute>>;
}

/** A float32 array that a graph takes or gives. */
export interface WrittenValue {
  readonly name: string;
  /** A size, the name of one that may vary, or null for one that is not known. */
  readonly shape: readonly (number | string | null)[];
}

/** A model to be written. */
export interface WrittenModel {
  readonly irVersion: number;
  readonly producer: string;
  readonly producerVersion: string;
  /** Versions of operator sets by their domain; that of the standard one is empty. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly graphName: string;
  /** In execution order. */
  readonly nodes: readonly WrittenNode[];
  readonly constants: readonly OnnxConstant[];
  readonly inputs: readonly WrittenValue[];
  readonly outputs: readonly WrittenValue[];
  /** Texts that travel with the model. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** No program reads longer protocol buffers. */
const MAX_BYTES = 2 ** 31 - 1;

/** Codes of `AttributeProto.AttributeType`. */
const ATTRIBUTE_TYPES = { float: 1, integer: 2, integers: 7 };

/** Pieces of a message, in order. */
type Pieces = readonly Uint8Array[];

/** The bytes of an ONNX file. @throws UnsupportedError for a model of 2 GiB or more, ShapeError for values that do not fit their shape */
export function writeOnnx(model: WrittenModel): Uint8Array {
  const { irVersion, producer, producerVersion, opsets, metadata = {} } = model;
  const pieces = [
    integer(1, irVersion),
    ...text(2, producer),
    ...text(3, producerVersion),
    ...message(7, graphPieces(model)),
    ...Object.entries(opsets).flatMap(([domain, version]) => message(8, [...text(1, domain), integer(2, version)])),
    ...Object.entries(metadata).flatMap(([key, value]) => message(14, [...text(1, key), ...text(2, value)])),
  ];
  const byteLength = byteLengthOf(pieces);
  if (byteLength <= MAX_BYTES) return joinChunks(pieces, byteLength);
  throw new UnsupportedError(
    `an ONNX file has at most ${MAX_BYTES} bytes, this model takes ${byteLength}: export it with packed weights`,
  );
}

function graphPieces({ graphName, nodes, constants, inputs, outputs }: WrittenModel): Pieces {
  return [
    ...nodes.flatMap((node) => message(1, nodePieces(node))),
    ...text(2, graphName),
    ...constants.flatMap((constant) => message(5, constantPieces(constant))),
    ...inputs.flatMap((value) => message(11, valuePieces(value))),
    ...outputs.flatMap((value) => message(12, valuePieces(value))),
  ];
}

function nodePieces({ name, opType, domain = "", inputs, outputs, attributes = {} }: WrittenNode): Pieces {
  return [
    ...inputs.flatMap((input) => text(1, input)),
    ...outputs.flatMap((output) => text(2, output)),
    ...text(3, name),
    ...text(4, opType),
    ...Object.entries(attributes).flatMap(([key, value]) => message(5, [...text(1, key), ...attributePieces(value)])),
    ...text(7, domain),
  ];
}

function attributePieces(value: WrittenAttribute): Pieces {
  if (typeof value === "number") return [integer(3, value), integer(20, ATTRIBUTE_TYPES.integer)];
  if ("float" in value) return [float(2, value.float), integer(20, ATTRIBUTE_TYPES.float)];
  return [...value.map((item) => integer(8, item)), integer(20, ATTRIBUTE_TYPES.integers)];
}

function constantPieces({ name, dtype, shape, values }: OnnxConstant): Pieces {
  if (values.length !== elementCount(shape)) {
    throw new ShapeError(`constant ${name} must have ${elementCount(shape)} values, got ${values.length}`);
  }
  return [
    ...shape.map((size) => integer(1, size)),
    integer(2, dataTypeCode(dtype)),
    ...text(8, name),
    ...message(9, [encodeElements(values)]),
  ];
}

function valuePieces({ name, shape }: WrittenValue): Pieces {
  const sizes = shape.flatMap((size) => message(1, sizePieces(size)));
  const tensorType = [integer(1, dataTypeCode("F32")), ...message(2, sizes)];
  return [...text(1, name), ...message(2, message(1, tensorType))];
}

function sizePieces(size: number | string | null): Pieces {
  if (size === null) return [];
  return typeof size === "number" ? [integer(1, size)] : text(2, size);
}

function message(field: number, pieces: Pieces): Pieces {
  return [Uint8Array.from([...keyOf(field, BYTES), ...varint(byteLengthOf(pieces))]), ...pieces];
}

function text(field: number, value: string): Pieces {
  return message(field, [new TextEncoder().encode(value)]);
}

function integer(field: number, value: number): Uint8Array {
  return Uint8Array.from([...keyOf(field, VARINT), ...varint(value)]);
}

function float(field: number, value: number): Uint8Array {
  return Uint8Array.from([...keyOf(field, FIXED32), ...encodeElements(Float32Array.of(value))]);
}

function keyOf(field: number, wireType: number): number[] {
  return varint(field * 8 + wireType);
}

/** Seven bits a byte, the lowest first; the highest bit says that more follow. Negative numbers are 64-bit. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

function byteLengthOf(pieces: Pieces): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}
