/** A deployed model as data: operations in execution order with their weights. No training engine, no arithmetic. */
import { ShapeError } from "../core/errors.ts";
import { formatShape, type Shape } from "../core/shape.ts";
import type { MatrixShape } from "../core/ternary-matrix.ts";
import type { TernaryRows } from "../core/ternary-rows.ts";

/** A float32 array of a node: a bias, a norm's gain, an embedding table. */
export interface FloatTensor {
  readonly kind: "float32";
  readonly shape: Shape;
  readonly values: Float32Array;
}

/** Packed ternary weights of a node, with their scales. */
export interface PackedTensor extends MatrixShape {
  readonly kind: "ternary";
  /** Id of the storage format. */
  readonly format: string;
  /** A model that runs keeps no packed bytes: it makes them of its layer's trits each time that this is read. */
  readonly bytes: Uint8Array;
  /** The same trits in parts, where they can be had without all of the bytes. */
  readonly rows?: TernaryRows;
  /** One for the tensor or one per row. */
  readonly scales: Float32Array;
}

/** What a node stores. */
export type NodeTensor = FloatTensor | PackedTensor;

/** A number, a text, a flag or a list of numbers: what attributes hold, as JSON. */
export type AttributeValue = number | string | boolean | readonly number[];

/** One operation of a graph. */
export interface GraphNode {
  /** Path of the module it comes from, e.g. `layers.0`; unique. */
  readonly name: string;
  /** Id of the operation. */
  readonly op: string;
  /** Values it reads: 0 is the model's input, i + 1 the result of node i. */
  readonly inputs: readonly number[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly tensors: Readonly<Record<string, NodeTensor>>;
}

/** A whole model. */
export interface Graph {
  /** In execution order: a node reads only values of earlier nodes. */
  readonly nodes: readonly GraphNode[];
  /** The value that is the model's output. */
  readonly output: number;
  /** Shape of one sample; null where a size may vary (a sequence length); absent when unknown. */
  readonly inputShape?: readonly (number | null)[];
  /** Shape of the samples it was trained on, for `run()` to assume where `inputShape` lets sizes vary. */
  readonly sampleShape?: Shape;
  /** Texts that travel with the model, such as the names of its classes. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A value of a graph under construction. */
export interface Value {
  readonly index: number;
}

/** Collects the nodes that modules yield when they are deployed. */
export class GraphBuilder {
  readonly nodes: GraphNode[] = [];
  /** Storage format for ternary weights. */
  readonly format: string;
  /** The model's input. */
  readonly input: Value = { index: 0 };
  #names = new Set<string>();

  constructor(format: string) {
    this.format = format;
  }

  /** Appends an operation and gives its result. */
  add(
    op: { readonly id: string },
    name: string,
    inputs: readonly Value[],
    attributes: GraphNode["attributes"] = {},
    tensors: GraphNode["tensors"] = {},
  ): Value {
    const unique = this.#uniqueName(name === "" ? op.id : name);
    this.nodes.push({ name: unique, op: op.id, inputs: inputs.map(({ index }) => index), attributes, tensors });
    return { index: this.nodes.length };
  }

  #uniqueName(name: string): string {
    let unique = name;
    for (let suffix = 2; this.#names.has(unique); suffix++) unique = `${name}#${suffix}`;
    this.#names.add(unique);
    return unique;
  }
}

/**
 * Checks that a graph can be executed in order.
 *
 * @throws ShapeError naming the node that reads a value that does not exist yet, a name that occurs twice,
 *   or samples that do not fit the input
 */
export function checkGraph(graph: Graph): void {
  const names = new Set<string>();
  graph.nodes.forEach((node, i) => {
    if (names.has(node.name)) throw new ShapeError(`two nodes are called ${JSON.stringify(node.name)}`);
    names.add(node.name);
    for (const input of node.inputs) {
      if (!Number.isInteger(input) || input < 0 || input > i) {
        throw new ShapeError(
          `node ${JSON.stringify(node.name)} reads value ${input}, but only 0 to ${i} exist before it`,
        );
      }
    }
  });
  if (!Number.isInteger(graph.output) || graph.output < 0 || graph.output > graph.nodes.length) {
    throw new ShapeError(`the output is value ${graph.output}, but the graph has values 0 to ${graph.nodes.length}`);
  }
  const { inputShape, sampleShape } = graph;
  if (inputShape && sampleShape && !fitsPattern(sampleShape, inputShape)) {
    throw new ShapeError(`samples of shape ${formatShape(sampleShape)} do not fit ${formatPattern(inputShape)}`);
  }
}

/** Whether a shape has the sizes of a pattern, in which null stands for any size. */
export function fitsPattern(shape: Shape, pattern: readonly (number | null)[]): boolean {
  return shape.length === pattern.length && pattern.every((size, axis) => size === null || size === shape[axis]);
}

/** A pattern as a person reads it: `[any, 256]`. */
export function formatPattern(pattern: readonly (number | null)[]): string {
  return `[${pattern.map((size) => size ?? "any").join(", ")}]`;
}
