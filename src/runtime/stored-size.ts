/** Bytes of stored weights, and what the same weights take as float32. */
import { elementCount } from "../core/shape.ts";
import { modelFormatById } from "../formats/index.ts";
import type { GraphNode, NodeTensor } from "./graph.ts";

const FLOAT_BYTES = 4;

/** Bytes a tensor takes as it is stored: float32 values, or packed trits with their scales. */
export function storedByteLength(tensor: NodeTensor): number {
  if (tensor.kind === "float32") return tensor.values.byteLength;
  return modelFormatById(tensor.format).byteLength(tensor) + tensor.scales.byteLength;
}

/** Number of weights, biases and other learned values of a node; the planes of a multi-ternary weight are one weight. */
export function parameterCount(node: GraphNode): number {
  return parameterTensors(node).reduce((sum, tensor) => sum + valueCount(tensor), 0);
}

/** Bytes of all tensors of some nodes as they are stored. */
export function storedByteLengthOf(nodes: readonly GraphNode[]): number {
  return nodes
    .flatMap((node) => Object.values(node.tensors))
    .reduce((sum, tensor) => sum + storedByteLength(tensor), 0);
}

/** Bytes the same nodes take with every parameter as float32, and without scales. */
export function floatByteLengthOf(nodes: readonly GraphNode[]): number {
  return nodes.reduce((sum, node) => sum + parameterCount(node) * FLOAT_BYTES, 0);
}

/** Number of values of a tensor. */
export function valueCount(tensor: NodeTensor): number {
  return tensor.kind === "float32" ? elementCount(tensor.shape) : tensor.outFeatures * tensor.inFeatures;
}

/** The tensors of a node with the first plane alone: all ternary tensors of a node are planes of one weight. */
export function parameterTensors(node: GraphNode): readonly NodeTensor[] {
  const tensors = Object.values(node.tensors);
  const firstPlane = tensors.find(({ kind }) => kind === "ternary");
  return tensors.filter((tensor) => tensor.kind === "float32" || tensor === firstPlane);
}
