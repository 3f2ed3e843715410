/**
 * ONNX models that hold nothing but matrix products with constant weights, written as protocol buffers: the few messages of
 * onnx.proto that they need, each field as (number, wire type) and its payload.
 */

const VARINT = 0;
const LENGTH = 2;

/** Codes of `TensorProto.DataType`. */
const DATA_TYPES = { float: 1, uint8: 2 } as const;
const INTEGER_ATTRIBUTE = 2;

const IR_VERSION = 8;
const ONNX_OPSET = 17;

/** A constant of the model. */
export interface OnnxTensor {
  readonly type: keyof typeof DATA_TYPES;
  readonly dims: readonly number[];
  /** Values in the order of bytes of this machine, which ONNX wants little-endian. */
  readonly bytes: Uint8Array;
}

/** One product: `x` times constant weights. */
export interface OnnxProduct {
  readonly operator: string;
  /** The operator set it is from; the standard one when empty. */
  readonly domain: string;
  readonly attributes: Readonly<Record<string, number>>;
  /** Its inputs after `x`. */
  readonly constants: readonly OnnxTensor[];
}

/** Pieces of a message, put together once at the very end: weights are many megabytes. */
type Pieces = readonly Uint8Array[];

/** A model with the input `x`, `[m, k]`, and an output `y0`, `y1`, ..., `[m, n]`, for each product. */
export function onnxModel(products: readonly OnnxProduct[], [n, k]: readonly [number, number]): Uint8Array {
  const graph = [
    ...products.flatMap((product, p) => message(1, node(product, p))),
    ...text(2, "products"),
    ...products.flatMap(({ constants }, p) => constants.flatMap((tensor, c) => message(5, constant(p, c, tensor)))),
    ...message(11, valueInfo("x", k)),
    ...products.flatMap((_, p) => message(12, valueInfo(`y${p}`, n))),
  ];
  const domains = [...new Set(products.map(({ domain }) => domain))];
  const opsets = domains.flatMap((domain) =>
    message(8, [...text(1, domain), integer(2, domain === "" ? ONNX_OPSET : 1)]),
  );
  return concatenate([integer(1, IR_VERSION), ...opsets, ...message(7, graph)]);
}

function node({ operator, domain, attributes, constants }: OnnxProduct, index: number): Pieces {
  return [
    ...["x", ...constants.map((_, c) => constantName(index, c))].flatMap((name) => text(1, name)),
    ...text(2, `y${index}`),
    ...text(4, operator),
    ...Object.entries(attributes).flatMap(([name, value]) =>
      message(5, [...text(1, name), integer(3, value), integer(20, INTEGER_ATTRIBUTE)]),
    ),
    ...text(7, domain),
  ];
}

function constant(product: number, index: number, { type, dims, bytes }: OnnxTensor): Pieces {
  return [
    ...dims.map((dim) => integer(1, dim)),
    integer(2, DATA_TYPES[type]),
    ...text(8, constantName(product, index)),
    ...message(9, [bytes]),
  ];
}

/** A float matrix `[m, columns]` of any m. */
function valueInfo(name: string, columns: number): Pieces {
  const shape = [...message(1, text(2, "m")), ...message(1, [integer(1, columns)])];
  return [...text(1, name), ...message(2, message(1, [integer(1, DATA_TYPES.float), ...message(2, shape)]))];
}

function constantName(product: number, constant: number): string {
  return `w${product}_${constant}`;
}

function message(field: number, pieces: Pieces): Pieces {
  return [Uint8Array.from([...varint((field << 3) | LENGTH), ...varint(byteLength(pieces))]), ...pieces];
}

function text(field: number, value: string): Pieces {
  return message(field, [new TextEncoder().encode(value)]);
}

function integer(field: number, value: number): Uint8Array {
  return Uint8Array.from([...varint((field << 3) | VARINT), ...varint(value)]);
}

/** Seven bits a byte, the lowest first; the highest bit says that more follow. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}

function byteLength(pieces: Pieces): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

function concatenate(pieces: Pieces): Uint8Array {
  const whole = new Uint8Array(byteLength(pieces));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
