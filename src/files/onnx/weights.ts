/** Which constants of an ONNX file are the weights of layers, and how they lie: as the matrix `[outFeatures, inFeatures]`. */
import { elementCount, formatShape } from "../../core/shape.ts";
import type { MatrixShape } from "../../core/ternary-matrix.ts";
import type { OnnxNode } from "./node-proto.ts";
import type { OnnxReader } from "./reader.ts";
import type { OnnxTensor } from "./tensor-proto.ts";

/** What our own files name as the program that wrote them. */
export const PRODUCER = "bitlinear";

/** Weights of a layer, in real numbers. */
export interface OnnxWeight {
  readonly kind: "float";
  readonly tensor: OnnxTensor;
  /** `MatMul`, `Gemm` or `Conv`. */
  readonly opType: string;
  readonly matrix: MatrixShape;
  /** Whether the file holds it as `[inFeatures, outFeatures]`. */
  readonly isTransposed: boolean;
}

/** Weights of a layer as codes of a few bits with a scale for each block: `MatMulNBits`. */
export interface OnnxBlockWeight {
  readonly kind: "blocks";
  /** Codes `[outFeatures, blocks, blockSize · bits / 8]`, the first in the lowest bits. */
  readonly tensor: OnnxTensor;
  readonly opType: string;
  readonly matrix: MatrixShape;
  readonly bits: number;
  readonly blockSize: number;
  /** `[outFeatures · blocks]` */
  readonly scales: OnnxTensor;
  /** Packed like the codes, each row on its own; the middle code, 2^(bits - 1), where absent. */
  readonly zeroPoints: OnnxTensor | undefined;
}

/** What the constants of a file are to its layers. */
export interface OnnxWeights {
  readonly weights: readonly (OnnxWeight | OnnxBlockWeight)[];
  /** Constants that a layer computes with in a way that is not read here, by name, and why. */
  readonly unread: ReadonlyMap<string, string>;
}

/** Weights, or why they cannot be read. */
type Finding = OnnxWeight | OnnxBlockWeight | { readonly problem: string };

/** A constant on its way to a layer. */
interface Source {
  readonly tensor: OnnxTensor;
  /** Whether a Transpose lies between. */
  readonly isTransposed: boolean;
}

/** What is looked at of a file. */
type OnnxModel = Pick<OnnxReader, "nodes" | "tensors" | "producer">;

type Resolve = (name: string) => Source | undefined;

/** The input that holds the weights, and how to read them, by operator. */
const layers: Readonly<
  Record<string, { input: number; find(node: OnnxNode, source: Source, resolve: Resolve): Finding }>
> = {
  MatMul: { input: 1, find: (node, source) => floatWeight(node, source, true) },
  Gemm: { input: 1, find: gemmWeight },
  Conv: { input: 1, find: (node, source) => convolutionWeight(node, source) },
  MatMulNBits: { input: 1, find: blockWeight },
};

/** Our own exports keep sums of integers exact: they multiply by the scales after the product, which no layer tells. */
const BARE_TRITS: Finding = { problem: "these are trits without their scales: take the model that was exported" };

/** Whether a constant is what our exporter calls trits. */
function isBareTrits({ name }: OnnxTensor, producer: string): boolean {
  return producer === PRODUCER && /\/trits(#\d+)?$/.test(name);
}

/** Finds the weights of layers. A constant that several layers share is listed once, by the first of them. */
export function onnxWeights({ nodes, tensors, producer }: OnnxModel): OnnxWeights {
  const weights = new Map<string, OnnxWeight | OnnxBlockWeight>();
  const unread = new Map<string, string>();
  const resolve = resolver(nodes, tensors);
  for (const node of nodes) {
    const layer = Object.hasOwn(layers, node.opType) ? layers[node.opType] : undefined;
    const source = layer && resolve(node.inputs[layer.input] ?? "");
    if (!layer || !source || weights.has(source.tensor.name)) continue;
    const found = isBareTrits(source.tensor, producer) ? BARE_TRITS : layer.find(node, source, resolve);
    if ("problem" in found)
      unread.set(source.tensor.name, `${node.opType} ${JSON.stringify(node.name)}: ${found.problem}`);
    else weights.set(source.tensor.name, found);
  }
  for (const name of weights.keys()) unread.delete(name);
  return { weights: [...weights.values()], unread };
}

/** Finds the constant behind a value, through nodes that hand it on or transpose it. */
function resolver(nodes: readonly OnnxNode[], tensors: OnnxReader["tensors"]): Resolve {
  const sources = new Map<string, Source>();
  for (const tensor of tensors.values()) sources.set(tensor.name, { tensor, isTransposed: false });
  // In execution order: what a node reads is known when it is met.
  for (const { opType, inputs, outputs, attributes } of nodes) {
    const source = sources.get(inputs[0] ?? "");
    if (!source || outputs.length !== 1 || tensors.has(outputs[0])) continue;
    if (opType === "Identity") sources.set(outputs[0], source);
    const isSwap = source.tensor.shape.length === 2 && `${attributes.get("perm") ?? "1,0"}` === "1,0";
    if (opType === "Transpose" && isSwap) sources.set(outputs[0], { ...source, isTransposed: !source.isTransposed });
  }
  return (name) => sources.get(name);
}

function gemmWeight(node: OnnxNode, source: Source): Finding {
  const alpha = node.attributes.get("alpha") ?? 1;
  if (alpha !== 1) return { problem: `its factor alpha must be 1, got ${alpha}` };
  return floatWeight(node, source, (node.attributes.get("transB") ?? 0) === 0);
}

/** @param isInByOut whether the layer takes `[inFeatures, outFeatures]` */
function floatWeight({ opType }: OnnxNode, { tensor, isTransposed }: Source, isInByOut: boolean): Finding {
  const { shape } = tensor;
  if (shape.length !== 2) return { problem: `its weights must be a matrix, got ${formatShape(shape)}` };
  const isStoredTransposed = isInByOut !== isTransposed;
  const [outFeatures, inFeatures] = isStoredTransposed ? [shape[1], shape[0]] : shape;
  return { kind: "float", tensor, opType, matrix: { outFeatures, inFeatures }, isTransposed: isStoredTransposed };
}

/** `[outChannels, inChannels / groups, ...kernelSize]` */
function convolutionWeight({ opType }: OnnxNode, { tensor, isTransposed }: Source): Finding {
  const { shape } = tensor;
  if (shape.length < 3 || isTransposed) return { problem: `its weights must have a kernel, got ${formatShape(shape)}` };
  const matrix = { outFeatures: shape[0], inFeatures: elementCount(shape.slice(1)) };
  return { kind: "float", tensor, opType, matrix, isTransposed: false };
}

function blockWeight({ opType, inputs, attributes }: OnnxNode, { tensor }: Source, resolve: Resolve): Finding {
  const [outFeatures, inFeatures, bits, blockSize] = ["N", "K", "bits", "block_size"].map((name) => {
    const value = attributes.get(name) ?? (name === "bits" ? 4 : 0);
    return typeof value === "number" && Number.isSafeInteger(value) ? value : 0;
  });
  const scales = resolve(inputs[2] ?? "")?.tensor;
  const zeroPoints = resolve(inputs[3] ?? "")?.tensor;
  const matrix = { outFeatures, inFeatures };
  const blocks = blockSize > 0 ? Math.ceil(inFeatures / blockSize) : 0;
  if (![2, 4, 8].includes(bits) || blocks === 0 || outFeatures <= 0 || (blockSize * bits) % 8 !== 0) {
    return {
      problem: `it needs K, N, block_size and 2, 4 or 8 bits, got ${[inFeatures, outFeatures, blockSize, bits]}`,
    };
  }
  const expected = (outFeatures * blocks * blockSize * bits) / 8;
  if (tensor.dtype !== "U8" || tensor.byteLength !== expected) {
    return { problem: `its codes must be ${expected} bytes, got ${tensor.typeName} ${formatShape(tensor.shape)}` };
  }
  if (!scales || elementCount(scales.shape) !== outFeatures * blocks) {
    const got = scales ? formatShape(scales.shape) : "none that is constant";
    return { problem: `its scales must be ${outFeatures * blocks}, got ${got}` };
  }
  const zeroBytes = outFeatures * Math.ceil((blocks * bits) / 8);
  const hasZeroPoints = (inputs[3] ?? "") !== "";
  if (hasZeroPoints && (zeroPoints?.dtype !== "U8" || zeroPoints.byteLength !== zeroBytes)) {
    return { problem: `its zero points must be ${zeroBytes} constant bytes` };
  }
  if ((inputs[4] ?? "") !== "") return { problem: "its weights are reordered by g_idx" };
  return { kind: "blocks", tensor, opType, matrix, bits, blockSize, scales, zeroPoints };
}
