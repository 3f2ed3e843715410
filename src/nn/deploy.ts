/** From a trained module to a packed model. */
import { ShapeError, UnsupportedError } from "../core/errors.ts";
import { checkUngrouped } from "../core/regroup.ts";
import type { TernaryMatrix } from "../core/ternary-matrix.ts";
import { modelFormatById, modelFormats } from "../formats/index.ts";
import { DeployedModel, type OpenOptions } from "../runtime/deployed-model.ts";
import { fitsPattern, type Graph, GraphBuilder, type NodeTensor } from "../runtime/graph.ts";
import type { Parameter } from "../tensor/index.ts";
import type { Module } from "./module.ts";

/** Options of `deploy()`. */
export interface DeployOptions extends OpenOptions {
  /** Storage format of the weights, one of `modelFormats`: `base3` (1.6 bits, the default), `i2` (2 bits), ... */
  format?: string;
  /** Shape of one input sample, null for sizes that may vary; needed only where the model does not know it. */
  inputShape?: readonly (number | null)[];
}

/** See `Module.deploy`. */
export async function deployModule(module: Module, options: DeployOptions): Promise<DeployedModel> {
  const graph = await lowerModule(module, options);
  return await DeployedModel.open(graph, options);
}

/** The graph of a module, with its weights packed. */
export async function lowerModule(module: Module, options: DeployOptions): Promise<Graph> {
  const format = modelFormatById(options.format ?? modelFormats[0].id);
  for (const [path, part] of module.namedModules()) checkLowering(part, path);
  for (const [path, parameter] of module.namedParameters()) checkFinite(path, parameter);
  const builder = new GraphBuilder(format.id);
  const output = await module.lower(builder, builder.input, "");
  const { sampleShape } = module;
  const inputShape = options.inputShape ?? inputShapeOf(module);
  const isTypical = sampleShape !== undefined && (!inputShape || fitsPattern(sampleShape, inputShape));
  return {
    nodes: builder.nodes,
    output: output.index,
    ...(inputShape && { inputShape }),
    ...(isTypical && { sampleShape }),
  };
}

/**
 * What the module says of its input; a layer of rows (`[features]`) that was trained on longer samples (`[T, features]`)
 * takes samples like those, of any length.
 */
function inputShapeOf({ inputShape, sampleShape }: Module): DeployOptions["inputShape"] {
  if (!inputShape || !sampleShape || sampleShape.length <= inputShape.length) return inputShape;
  return [...sampleShape.slice(0, -inputShape.length).map(() => null), ...inputShape];
}

/** @throws ShapeError naming the parameter that training, or a file, left without a finite value */
function checkFinite(path: string, { value }: Parameter): void {
  const index = value.findIndex((number) => !Number.isFinite(number));
  if (index < 0) return;
  throw new ShapeError(
    `parameter ${JSON.stringify(path)} must be finite to be deployed, got ${value[index]} at index ${index}; look for what made it diverge, or load an earlier checkpoint`,
  );
}

/**
 * A class that changes what it inherits of `forward` must say what that deploys to: the inherited `lower` would give the
 * graph of another function.
 */
function checkLowering(module: Module, path: string): void {
  const loweredBy = ownerOf(module, "lower");
  if (!Object.hasOwn(loweredBy, "forward") || ownerOf(module, "forward") === loweredBy) return;
  const name = path === "" ? "the model" : `module ${JSON.stringify(path)}`;
  throw new UnsupportedError(
    `${name} (${module.constructor.name}) has a forward of its own and inherits lower from ${loweredBy.constructor.name}, which would deploy something else. Define lower(graph, input, name) beside its forward`,
  );
}

/** The object that holds a method: the module itself or one of its prototypes. */
function ownerOf(module: Module, method: "forward" | "lower"): object {
  let owner: object = module;
  while (!Object.hasOwn(owner, method)) owner = Object.getPrototypeOf(owner);
  return owner;
}

/**
 * A ternary matrix as a node stores it.
 *
 * @throws UnsupportedError for a format that model files cannot hold, and for scales of groups within rows
 */
export function packedTensor(matrix: TernaryMatrix, formatId: string): NodeTensor {
  checkUngrouped(matrix);
  const { outFeatures, inFeatures, scales } = matrix;
  return {
    kind: "ternary",
    format: formatId,
    bytes: modelFormatById(formatId).pack(matrix),
    outFeatures,
    inFeatures,
    scales,
  };
}

/** Parameters as a node stores them, by name; those that a layer does not have are left out. */
export function floatTensors(parameters: Readonly<Record<string, Parameter | undefined>>): Record<string, NodeTensor> {
  return Object.fromEntries(
    Object.entries(parameters).flatMap(([name, parameter]): [string, NodeTensor][] =>
      parameter ? [[name, { kind: "float32", shape: parameter.shape, values: parameter.value.slice() }]] : [],
    ),
  );
}

/** Several ternary planes as the tensors of one node: `weight` for one, `weight.0`, `weight.1`, ... for more. */
export function packedPlanes(planes: readonly TernaryMatrix[], formatId: string): Record<string, NodeTensor> {
  return Object.fromEntries(
    planes.map((plane, i) => [planes.length === 1 ? "weight" : `weight.${i}`, packedTensor(plane, formatId)]),
  );
}
