/** What a deployed model holds: its operations, how its weights are distributed and how many bytes they take. */
import { formatShape, type Shape } from "../core/shape.ts";
import { formatById } from "../formats/index.ts";
import type { DeployedModel } from "./deployed-model.ts";
import type { AttributeValue, Graph, GraphNode, NodeTensor } from "./graph.ts";
import { operationById } from "./ops/index.ts";
import { isTernary } from "./planes.ts";
import {
  floatByteLengthOf,
  parameterCount,
  parameterTensors,
  storedByteLength,
  storedByteLengthOf,
  valueCount,
} from "./stored-size.ts";

/** Shares of the three values of ternary weights; they add up to 1. */
export interface TritShares {
  readonly negative: number;
  readonly zero: number;
  readonly positive: number;
}

/** Sizes of a node or of a whole model. */
export interface SizeInspection {
  /** Learned values; the planes of a multi-ternary weight count as one weight. */
  readonly parameters: number;
  /** Over all ternary planes; undefined where there are none. */
  readonly trits: TritShares | undefined;
  /** Share of zeros among the trits; undefined where there are none. */
  readonly sparsity: number | undefined;
  /** Stored bits of a ternary weight, scales included; undefined where there are none. */
  readonly bitsPerWeight: number | undefined;
  /** Bytes as stored: packed trits, scales, biases, norms. */
  readonly byteLength: number;
  /** Bytes of the same parameters as float32. */
  readonly floatByteLength: number;
  /** Whether results equal the training forward pass in all 32 bits. */
  readonly isExact: boolean;
}

/** One operation of a model. */
export interface NodeInspection extends SizeInspection {
  readonly name: string;
  readonly op: string;
  /** One line about the operation. */
  readonly summary: string;
  /** Its tensors with their shapes and its attributes: `weight [256, 784], bias [256], activation=int8`. */
  readonly description: string;
}

/** A whole model. */
export interface Inspection {
  /** Shape of one sample, null where a size may vary; undefined when unknown. */
  readonly inputShape: Graph["inputShape"] | undefined;
  readonly nodes: readonly NodeInspection[];
  readonly total: SizeInspection;
  /** How many times smaller the stored weights are than the same in float32; undefined for a model without weights. */
  readonly compression: number | undefined;
}

/** Looks at every operation and weight of a model. @throws ShapeError when packed weights hold codes that stand for no trit */
export function inspectModel(model: DeployedModel | Graph): Inspection {
  const { nodes, inputShape } = "graph" in model ? model.graph : model;
  const counts = nodes.map(countNode);
  const total = sizesOf(counts);
  return {
    inputShape,
    nodes: nodes.map((node, i) => ({
      name: node.name,
      op: node.op,
      summary: operationById(node.op).summary,
      description: describeContents(node),
      ...sizesOf([counts[i]]),
    })),
    total,
    compression: total.byteLength > 0 ? total.floatByteLength / total.byteLength : undefined,
  };
}

/** What is counted of a node, so that a whole model is the sum. */
interface NodeCounts {
  readonly node: GraphNode;
  /** How many trits are -1, 0 and +1. */
  readonly trits: readonly [number, number, number];
  readonly ternaryWeights: number;
  readonly ternaryBytes: number;
}

function countNode(node: GraphNode): NodeCounts {
  const planes = Object.values(node.tensors).filter(isTernary);
  const trits: [number, number, number] = [0, 0, 0];
  for (const { format, bytes, outFeatures, inFeatures } of planes) {
    for (const trit of formatById(format).unpack(bytes, { outFeatures, inFeatures }).trits) trits[trit + 1]++;
  }
  return {
    node,
    trits,
    ternaryWeights: parameterTensors(node)
      .filter(isTernary)
      .reduce((sum, plane) => sum + valueCount(plane), 0),
    ternaryBytes: planes.reduce((sum, plane) => sum + storedByteLength(plane), 0),
  };
}

function sizesOf(counts: readonly NodeCounts[]): SizeInspection {
  const nodes = counts.map(({ node }) => node);
  const [negative, zero, positive] = [0, 1, 2].map((digit) => sum(counts.map(({ trits }) => trits[digit])));
  const all = negative + zero + positive;
  const ternaryBytes = sum(counts.map((count) => count.ternaryBytes));
  return {
    parameters: sum(nodes.map(parameterCount)),
    trits: all > 0 ? { negative: negative / all, zero: zero / all, positive: positive / all } : undefined,
    sparsity: all > 0 ? zero / all : undefined,
    bitsPerWeight: all > 0 ? (ternaryBytes * 8) / sum(counts.map(({ ternaryWeights }) => ternaryWeights)) : undefined,
    byteLength: storedByteLengthOf(nodes),
    floatByteLength: floatByteLengthOf(nodes),
    isExact: nodes.every(isExactNode),
  };
}

function isExactNode(node: GraphNode): boolean {
  const { isExact } = operationById(node.op);
  return typeof isExact === "function" ? isExact(node) : isExact;
}

function describeContents({ tensors, attributes }: GraphNode): string {
  const shapes = Object.entries(tensors).map(([name, tensor]) => `${name} ${formatShape(shapeOf(tensor))}`);
  return [...shapes, ...Object.entries(attributes).map(([name, value]) => `${name}=${formatAttribute(value)}`)].join(
    ", ",
  );
}

function shapeOf(tensor: NodeTensor): Shape {
  return tensor.kind === "float32" ? tensor.shape : [tensor.outFeatures, tensor.inFeatures];
}

function formatAttribute(value: AttributeValue): string {
  return typeof value === "object" ? value.join("x") : String(value);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
