/** From a trained module to a packed model. */

import type { TernaryMatrix } from "../core/ternary-matrix.ts";
import { formatById } from "../formats/index.ts";
import { DeployedModel } from "../runtime/deployed-model.ts";
import { fitsPattern, type Graph, GraphBuilder, type NodeTensor } from "../runtime/graph.ts";
import type { Parameter } from "../tensor/index.ts";
import type { Module } from "./module.ts";

/** Options of `deploy()`. */
export interface DeployOptions {
  /** Storage format of the weights: `base3` (1.6 bits, the default) or `i2` (2 bits). */
  format?: string;
  /** Backend by name; the best of this machine without it. */
  backend?: string;
  /** Shape of one input sample, null for sizes that may vary; needed only where the model does not know it. */
  inputShape?: readonly (number | null)[];
}

/** See `Module.deploy`. */
export async function deployModule(module: Module, options: DeployOptions): Promise<DeployedModel> {
  const graph = await lowerModule(module, options);
  return await DeployedModel.open(graph, options.backend === undefined ? {} : { backend: options.backend });
}

/** The graph of a module, with its weights packed. */
export async function lowerModule(module: Module, options: DeployOptions): Promise<Graph> {
  const format = formatById(options.format ?? "base3");
  const builder = new GraphBuilder(format.id);
  const output = await module.lower(builder, builder.input, "");
  const inputShape = options.inputShape ?? module.inputShape;
  const { sampleShape } = module;
  const isTypical = sampleShape !== undefined && (!inputShape || fitsPattern(sampleShape, inputShape));
  return {
    nodes: builder.nodes,
    output: output.index,
    ...(inputShape && { inputShape }),
    ...(isTypical && { sampleShape }),
  };
}

/** A ternary matrix as a node stores it. */
export function packedTensor(matrix: TernaryMatrix, formatId: string): NodeTensor {
  const { outFeatures, inFeatures, scales } = matrix;
  return {
    kind: "ternary",
    format: formatId,
    bytes: formatById(formatId).pack(matrix),
    outFeatures,
    inFeatures,
    scales,
  };
}

/** A parameter as a node stores it. */
export function floatTensorOf({ shape, value }: Parameter): NodeTensor {
  return { kind: "float32", shape, values: value.slice() };
}

/** Several ternary planes as the tensors of one node: `weight` for one, `weight.0`, `weight.1`, ... for more. */
export function packedPlanes(planes: readonly TernaryMatrix[], formatId: string): Record<string, NodeTensor> {
  return Object.fromEntries(
    planes.map((plane, i) => [planes.length === 1 ? "weight" : `weight.${i}`, packedTensor(plane, formatId)]),
  );
}
