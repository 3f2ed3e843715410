/** How the weights of fully connected ternary layers are written. */
import type { TernaryMatrix } from "../../core/ternary-matrix.ts";
import type { OnnxGraph } from "./onnx-graph.ts";

/** One way to write them. */
export interface WeightForm {
  readonly id: string;
  /** One line for help texts and tables. */
  readonly summary: string;
  /** Whether sums of integer codes stay exact. */
  readonly isExact: boolean;
  /** Operator sets beside the standard one, with their versions. */
  readonly opsets: Readonly<Record<string, number>>;
  /** codes · tritsᵀ: `[..., inFeatures]` to `[..., outFeatures]`, without any scale. */
  product(graph: OnnxGraph, codes: string, plane: TernaryMatrix): string;
}

/** Weights that share a scale in `MatMulNBits`. */
const BLOCK_SIZE = 128;
const BITS = 2;
/** The middle code, which the operator takes for zero unless it is told another. */
const ZERO_CODE = 2 ** (BITS - 1);
const MICROSOFT_DOMAIN = "com.microsoft";

/** How the operator computes: in float32, or in int8 with a scale for each block of inputs. */
const ACCURACY = { float32: 1, int8: 4 };

/** The forms, the default first. */
export const weightForms: readonly WeightForm[] = [
  {
    id: "float32",
    summary: "float32 weights, which every runtime takes",
    isExact: true,
    opsets: {},
    product(graph, codes, { outFeatures: n, inFeatures: k, trits }) {
      const columns = new Float32Array(n * k);
      for (let row = 0; row < n; row++) for (let i = 0; i < k; i++) columns[i * n + row] = trits[row * k + i];
      return graph.op("MatMul", [codes, graph.floats("trits", [k, n], columns)]);
    },
  },
  {
    id: "matmulnbits",
    summary: "2-bit weights in fully connected layers (MatMulNBits of ONNX Runtime), small and exact",
    isExact: true,
    opsets: { [MICROSOFT_DOMAIN]: 1 },
    product: (graph, codes, plane) => blockProduct(graph, codes, plane, ACCURACY.float32),
  },
  {
    id: "matmulnbits-int8",
    summary: "the same, small and fast: codes are rounded once more, with a scale for each block of 128",
    isExact: false,
    opsets: { [MICROSOFT_DOMAIN]: 1 },
    product: (graph, codes, plane) => blockProduct(graph, codes, plane, ACCURACY.int8),
  },
];

function blockProduct(
  graph: OnnxGraph,
  codes: string,
  { outFeatures: n, inFeatures: k, trits }: TernaryMatrix,
  accuracy: number,
): string {
  const blocks = Math.ceil(k / BLOCK_SIZE);
  const blockBytes = (BLOCK_SIZE * BITS) / 8;
  const packed = new Uint8Array(n * blocks * blockBytes);
  for (let row = 0; row < n; row++) {
    for (let i = 0; i < k; i++) {
      packed[row * blocks * blockBytes + (i >> 2)] |= (trits[row * k + i] + ZERO_CODE) << ((i & 3) * BITS);
    }
  }
  const weight = graph.bytes("trits", [n, blocks, blockBytes], packed);
  const scales = graph.floats("block_scales", [n * blocks], new Float32Array(n * blocks).fill(1));
  return graph.op("MatMulNBits", [codes, weight, scales], {
    attributes: { K: k, N: n, bits: BITS, block_size: BLOCK_SIZE, accuracy_level: accuracy },
    domain: MICROSOFT_DOMAIN,
  });
}
