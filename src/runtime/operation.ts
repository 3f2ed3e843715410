/** What a deployed model can compute: the contract of every operation. */
import { type ActivationRule, activationRule } from "../activation-rules/index.ts";
import type { Backend, OutputFunction } from "../backends/index.ts";
import { ShapeError } from "../core/errors.ts";
import { elementCount, formatShape, type Shape } from "../core/shape.ts";
import { type FloatTensor, formatPattern, type GraphNode } from "./graph.ts";

/** An array on the host, `[batch, ...]` row-major. */
export interface HostTensor {
  readonly shape: Shape;
  readonly data: Float32Array;
}

/** An operation with its weights ready. */
export interface PreparedOperation extends Partial<Disposable> {
  /**
   * @param target where the result is written by operations that overwrite, if it is given: the first input, when nobody else
   * reads it
   * @param take gives an array for the result, whose values may be anything, or undefined: then it is made anew
   */
  run(
    inputs: readonly HostTensor[],
    target: Float32Array | undefined,
    take: (length: number) => Float32Array | undefined,
  ): HostTensor | Promise<HostTensor>;
  /** Whether the result may be the data of the first input, in another shape. */
  readonly handsOn?: boolean;
  /** Whether it can write its result over its first input. */
  readonly overwrites?: boolean;
  /** Kernel that runs it, where a backend chose one. */
  readonly kernel?: string;
  /** Meets its weights with a token of zeros; only of layers that are worth measuring for it. */
  runOneToken?(): unknown;
  /** The trits of its ternary tensors again, by their order among those; absent where it has none. */
  readonly readTrits?: (plane: number) => Int8Array;
}

/** One operation of the list. */
export interface Operation {
  readonly id: string;
  /** One line for `bitlinear inspect`. */
  readonly summary: string;
  /** How many values it reads; one where absent. */
  readonly inputCount?: number;
  /** Whether the result equals the training forward pass in all 32 bits; a function where the attributes decide. */
  readonly isExact: boolean | ((node: GraphNode) => boolean);
  /**
   * Reads attributes and tensors and makes the weights ready.
   *
   * @param outputFunction to be applied to every output; given only where `appliesOutputFunctions` is set
   * @param kernel of the backend; without it the backend chooses
   * @throws ShapeError when the node does not fit the operation
   */
  prepare(node: GraphNode, backend: Backend, outputFunction?: OutputFunction, kernel?: string): PreparedOperation;
  /** Whether it applies an output function to its results by itself. */
  readonly appliesOutputFunctions?: true;
  /** The output function that it is, so that the operation before it may apply it instead. */
  outputFunction?(node: GraphNode): OutputFunction | undefined;
}

/** A whole-number attribute of at least `least`. @throws ShapeError when it is absent or not one */
export function integerAttribute(node: GraphNode, name: string, least = 0): number {
  const value = node.attributes[name];
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= least) return value;
  throw new ShapeError(
    `${describe(node)} needs attribute ${name}, a whole number of at least ${least}, got ${JSON.stringify(value)}`,
  );
}

/** A finite number. @throws ShapeError when it is absent or not one */
export function numberAttribute(node: GraphNode, name: string): number {
  const value = node.attributes[name];
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new ShapeError(`${describe(node)} needs attribute ${name}, a number, got ${JSON.stringify(value)}`);
}

/** A text. @throws ShapeError when it is absent or not one */
export function textAttribute(node: GraphNode, name: string): string {
  const value = node.attributes[name];
  if (typeof value === "string") return value;
  throw new ShapeError(`${describe(node)} needs attribute ${name}, a text, got ${JSON.stringify(value)}`);
}

/** Two whole numbers of at least `least`, vertical and horizontal. @throws ShapeError otherwise */
export function pairAttribute(node: GraphNode, name: string, least = 0): readonly [number, number] {
  const value = node.attributes[name];
  if (
    Array.isArray(value) &&
    value.length === 2 &&
    value.every((size) => Number.isSafeInteger(size) && size >= least)
  ) {
    return [value[0], value[1]];
  }
  throw new ShapeError(
    `${describe(node)} needs attribute ${name}, two whole numbers of at least ${least}, got ${JSON.stringify(value)}`,
  );
}

/** A float tensor of a given shape; null in the shape allows any size. @throws ShapeError when it is absent or does not fit */
export function floatTensor(node: GraphNode, name: string, shape: readonly (number | null)[]): FloatTensor {
  const found = optionalFloatTensor(node, name, shape);
  if (found) return found;
  throw new ShapeError(`${describe(node)} needs tensor ${name}, which is missing`);
}

/** The same, or undefined where the node has no such tensor. @throws ShapeError when it does not fit */
export function optionalFloatTensor(
  node: GraphNode,
  name: string,
  shape: readonly (number | null)[],
): FloatTensor | undefined {
  const found = Object.hasOwn(node.tensors, name) ? node.tensors[name] : undefined;
  if (found === undefined) return undefined;
  const fits =
    found.kind === "float32" &&
    found.shape.length === shape.length &&
    found.shape.every((size, axis) => shape[axis] === null || size === shape[axis]) &&
    found.values.length === elementCount(found.shape);
  if (fits) return found;
  const got = found.kind === "float32" ? formatShape(found.shape) : "packed weights";
  throw new ShapeError(`${describe(node)}: tensor ${name} must be float32 ${formatPattern(shape)}, got ${got}`);
}

/** The activation rule of a ternary layer. @throws ShapeError when the attribute is absent, UnsupportedError when it is unknown */
export function activationRuleOf(node: GraphNode): ActivationRule {
  return activationRule(textAttribute(node, "activation"));
}

/** Splits a shape into what lies before the last axis, multiplied, and the last axis. @throws ShapeError when it is not `last` */
export function rowsOf(input: HostTensor, last: number, node: GraphNode): number {
  if (input.shape.at(-1) === last) return input.data.length / last;
  throw new ShapeError(`${describe(node)} needs an input of shape [..., ${last}], got ${formatShape(input.shape)}`);
}

/** A node as error messages name it. */
export function describe(node: GraphNode): string {
  return `${node.op} ${JSON.stringify(node.name)}`;
}
