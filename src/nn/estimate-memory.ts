/** What a model takes in every storage format of model files, measured on the bytes that `deploy()` would pack. */
import { checkElementCount, checkSize } from "../core/shape.ts";
import type { Granularity, TernaryMatrix } from "../core/ternary-matrix.ts";
import { type Format, formatById, modelFormats } from "../formats/index.ts";
import { GraphBuilder, type GraphNode, type NodeTensor } from "../runtime/graph.ts";
import { ternaryLinear } from "../runtime/ops/index.ts";
import { floatByteLengthOf, storedByteLengthOf } from "../runtime/stored-size.ts";
import { lowerModule, packedTensor } from "./deploy.ts";
import { Module } from "./module.ts";

/** Bytes of a layer or a model. */
export interface MemoryUse {
  /** Every parameter as float32. */
  readonly float32: number;
  /** Packed, by format: trits, scales, biases and everything that stays float32. */
  readonly packed: Readonly<Record<string, number>>;
}

/** Bytes of a model and of each of its layers. */
export interface MemoryEstimate extends MemoryUse {
  /** By path; layers without parameters are left out. */
  readonly layers: Readonly<Record<string, MemoryUse>>;
}

/** Sizes of one ternary layer. */
export interface LayerSizes {
  inFeatures: number;
  outFeatures: number;
  /** True by default. */
  bias?: boolean;
  /** Scales for the tensor (the default) or for each row. */
  granularity?: Granularity;
}

/**
 * Packs a model (or a ternary layer of the given sizes) in every format of `modelFormats` and counts the bytes.
 *
 * @throws UnsupportedError naming a module that cannot be deployed, ShapeError for sizes that are none
 */
export async function estimateMemory(model: Module | LayerSizes): Promise<MemoryEstimate> {
  const nodes = model instanceof Module ? (await lowerModule(model, {})).nodes : layerOf(model);
  const layers = nodes.filter((node) => floatByteLengthOf([node]) > 0);
  return { ...useOf(nodes), layers: Object.fromEntries(layers.map((node) => [node.name, useOf([node])])) };
}

function useOf(nodes: readonly GraphNode[]): MemoryUse {
  const packed = modelFormats.map((format) => [
    format.id,
    storedByteLengthOf(nodes.map((node) => packedAs(node, format))),
  ]);
  return { float32: floatByteLengthOf(nodes), packed: Object.fromEntries(packed) };
}

/** A layer of which only the sizes matter: every weight is 0. */
function layerOf({
  inFeatures,
  outFeatures,
  bias = true,
  granularity = "per-tensor",
}: LayerSizes): readonly GraphNode[] {
  checkSize("inFeatures", inFeatures);
  checkSize("outFeatures", outFeatures);
  checkElementCount("a layer", [outFeatures, inFeatures]);
  const graph = new GraphBuilder(modelFormats[0].id);
  const trits = new Int8Array(outFeatures * inFeatures);
  const scales = new Float32Array(granularity === "per-tensor" ? 1 : outFeatures);
  const weight = packedTensor({ outFeatures, inFeatures, trits, scales }, graph.format);
  const values = new Float32Array(outFeatures);
  const tensors = bias ? { weight, bias: { kind: "float32" as const, shape: [outFeatures], values } } : { weight };
  graph.add(ternaryLinear, "", [graph.input], {}, tensors);
  return graph.nodes;
}

function packedAs(node: GraphNode, format: Format): GraphNode {
  const tensors = Object.entries(node.tensors).map(([name, tensor]): [string, NodeTensor] => [
    name,
    tensor.kind === "float32" || tensor.format === format.id ? tensor : packedTensor(unpacked(tensor), format.id),
  ]);
  return { ...node, tensors: Object.fromEntries(tensors) };
}

function unpacked(tensor: Extract<NodeTensor, { kind: "ternary" }>): TernaryMatrix {
  return formatById(tensor.format).unpack(tensor.bytes, tensor, tensor.scales);
}
