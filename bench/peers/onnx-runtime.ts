/** ONNX Runtime on the processor: float32 MatMul, and MatMulNBits of 2 and 4 bits with int8 activations. */
import { keptOutput, type Products, type TimedLayer, type TimedRun } from "../../src/cli/bench/timed-layer.ts";
import { scaleOfRow, type TernaryMatrix } from "../../src/core/ternary-matrix.ts";
import { columnWeights } from "./column-weights.ts";
import { loadPackage } from "./installed-package.ts";
import { type OnnxProduct, onnxModel } from "./onnx-model.ts";
import type { Peer, PeerKernel } from "./peer.ts";

/** What is used of onnxruntime-node. */
interface OnnxRuntime {
  readonly InferenceSession: {
    create(model: Uint8Array, options: Readonly<Record<string, unknown>>): Promise<Session>;
  };
  readonly Tensor: new (type: "float32", data: Float32Array, dims: readonly number[]) => Tensor;
}

interface Session {
  readonly outputNames: readonly string[];
  /** @param outputs where the results are written */
  run(
    inputs: Readonly<Record<string, Tensor>>,
    outputs: Readonly<Record<string, Tensor>>,
  ): Promise<Readonly<Record<string, Tensor>>>;
  release(): Promise<void>;
}

interface Tensor {
  readonly data: Float32Array;
}

/** How it holds weights. */
interface WeightFormat {
  readonly id: string;
  /** The first of its constants holds the codes or weights. */
  product(matrix: TernaryMatrix): OnnxProduct;
  /** Where in these some weights of an output lie that nobody compares. */
  offsetOfMark(matrix: TernaryMatrix): number;
}

/** Weights that share a scale: as many as its fastest kernels like. */
const BLOCK_SIZE = 128;
/** Int8 activations, which is what its fastest kernels take. */
const INT8_ACTIVATIONS = 4;

const ERRORS_ONLY = 3;

/** Copies differ in a weight of this output: the runtime keeps equal weights only once, which would never be cold. */
const MARKED_OUTPUT = 2;

/**
 * Our outputs come from int8 activations, and so do those of MatMulNBits, with a scale for each 128 of them. Rounding to a
 * step s adds a noise of s / √12; with s = max|x| / 127 and max|x| ≈ 4 deviations of x, that is 0.9 % of the output each,
 * and 1.3 % between the two.
 */
const TOLERANCE = 0.02;

/** Fastest first. */
const formats: readonly WeightFormat[] = [
  ...[2, 4].map((bits) => ({
    id: `MatMulNBits, ${bits} bits`,
    product: (matrix: TernaryMatrix) => quantizedProduct(matrix, bits),
    offsetOfMark: (matrix: TernaryMatrix) => MARKED_OUTPUT * rowByteLength(matrix, bits),
  })),
  {
    id: "MatMul, float32",
    product: (matrix) => ({
      ...{ operator: "MatMul", domain: "", attributes: {} },
      constants: [
        { type: "float", dims: [matrix.inFeatures, matrix.outFeatures], bytes: bytesOf(columnWeights(matrix)) },
      ],
    }),
    offsetOfMark: () => MARKED_OUTPUT * Float32Array.BYTES_PER_ELEMENT,
  },
];

/** onnxruntime-node */
export const onnxRuntime: Peer = {
  id: "onnxruntime-node",
  async open() {
    const loaded = loadPackage<OnnxRuntime>("onnxruntime-node");
    return "unavailable" in loaded ? loaded : formats.map((format) => kernelOf(loaded.package, format));
  },
};

function kernelOf(runtime: OnnxRuntime, { id, product, offsetOfMark }: WeightFormat): PeerKernel {
  return {
    id,
    async prepare(matrix, { threads, coldByteLength }) {
      const shape = [matrix.outFeatures, matrix.inFeatures] as const;
      const one = product(matrix);
      const byteLength = one.constants.reduce((sum, { bytes }) => sum + bytes.length, 0);
      const copies = Math.max(1, Math.ceil(coldByteLength / byteLength));
      const open = async (products: readonly OnnxProduct[]): Promise<Session> =>
        runtime.InferenceSession.create(onnxModel(products, shape), {
          ...{ intraOpNumThreads: threads, interOpNumThreads: 1, logSeverityLevel: ERRORS_ONLY },
        });
      const runOf = (session: Session, products: number): TimedRun => {
        const tensor = (data: Float32Array, m: number, features: number) =>
          new runtime.Tensor("float32", data, [m, features]);
        const kept = session.outputNames.map((name) => ({
          name,
          outputFor: keptOutput(matrix.outFeatures, ArrayBuffer),
        }));
        return {
          products,
          async run(x, m): Promise<Products> {
            const outputs = kept.map(({ name, outputFor }) => [name, tensor(outputFor(m), m, matrix.outFeatures)]);
            const inputs = { x: tensor(x, m, matrix.inFeatures) };
            return Object.values(await session.run(inputs, Object.fromEntries(outputs))).map(({ data }) => data);
          },
        };
      };
      const warm = await open([one]);
      // One model with all copies: sessions of their own would have threads of their own, which look for work all at once.
      const marked = (_: unknown, copy: number) => markedCopy(one, offsetOfMark(matrix), copy);
      const cold = copies > 1 ? await open(Array.from({ length: copies }, marked)) : undefined;
      const layer: TimedLayer = {
        ...{ backend: "onnxruntime-node", kernel: id, threads, byteLength, copies, tolerance: TOLERANCE },
        warm: runOf(warm, 1),
        ...(cold && { cold: runOf(cold, copies) }),
        async [Symbol.asyncDispose]() {
          await warm.release();
          await cold?.release();
        },
      };
      return layer;
    },
  };
}

/** The product with its own weights, of which four bytes at `offset` are the number of the copy. */
function markedCopy(
  { constants: [weights, ...others], ...product }: OnnxProduct,
  offset: number,
  copy: number,
): OnnxProduct {
  const bytes = weights.bytes.slice();
  new DataView(bytes.buffer).setFloat32(offset, copy, true);
  return { ...product, constants: [{ ...weights, bytes }, ...others] };
}

function rowByteLength({ inFeatures }: TernaryMatrix, bits: number): number {
  return (Math.ceil(inFeatures / BLOCK_SIZE) * BLOCK_SIZE * bits) / 8;
}

/** Codes are trit + 2^(bits - 1), which is the operator's zero point unless it is told another. */
function quantizedProduct(matrix: TernaryMatrix, bits: number): OnnxProduct {
  const { outFeatures: n, inFeatures: k, trits } = matrix;
  const blocks = Math.ceil(k / BLOCK_SIZE);
  const perByte = 8 / bits;
  const rowBytes = rowByteLength(matrix, bits);
  const zero = 2 ** (bits - 1);
  const codes = new Uint8Array(n * rowBytes);
  const scales = new Float32Array(n * blocks);
  for (let row = 0; row < n; row++) {
    scales.fill(scaleOfRow(matrix, row), row * blocks, (row + 1) * blocks);
    for (let column = 0; column < k; column++) {
      const at = row * rowBytes + Math.floor(column / perByte);
      codes[at] |= (trits[row * k + column] + zero) << ((column % perByte) * bits);
    }
  }
  return {
    ...{ operator: "MatMulNBits", domain: "com.microsoft" },
    attributes: { K: k, N: n, bits, block_size: BLOCK_SIZE, accuracy_level: INT8_ACTIVATIONS },
    constants: [
      { type: "uint8", dims: [n, blocks, BLOCK_SIZE / perByte], bytes: codes },
      { type: "float", dims: [n * blocks], bytes: bytesOf(scales) },
    ],
  };
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
