/** ONNX models that hold nothing but matrix products with constant weights. */
import { decodeElements } from "../../src/files/element-values.ts";
import { writeOnnx } from "../../src/files/onnx/index.ts";

/** Element types of constants, by the name that files have for them. */
const DATA_TYPES = { float: "F32", uint8: "U8" } as const;

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

/** A model with the input `x`, `[m, k]`, and an output `y0`, `y1`, ..., `[m, n]`, for each product. */
export function onnxModel(products: readonly OnnxProduct[], [n, k]: readonly [number, number]): Uint8Array {
  return writeOnnx({
    ...{ irVersion: IR_VERSION, producer: "bitlinear bench", producerVersion: "1", graphName: "products" },
    opsets: Object.fromEntries(products.map(({ domain }) => [domain, domain === "" ? ONNX_OPSET : 1])),
    nodes: products.map(({ operator, domain, attributes, constants }, p) => ({
      ...{ name: `product${p}`, opType: operator, domain, attributes },
      inputs: ["x", ...constants.map((_, c) => constantName(p, c))],
      outputs: [`y${p}`],
    })),
    constants: products.flatMap(({ constants }, p) =>
      constants.map(({ type, dims, bytes }, c) => ({
        ...{ name: constantName(p, c), dtype: DATA_TYPES[type], shape: dims },
        values: decodeElements(DATA_TYPES[type], bytes),
      })),
    ),
    inputs: [{ name: "x", shape: ["m", k] }],
    outputs: products.map((_, p) => ({ name: `y${p}`, shape: ["m", n] })),
  });
}

function constantName(product: number, constant: number): string {
  return `w${product}_${constant}`;
}
