/**
 * Ternary weights of nodes: by rows, for the layers that are made of them; and as a model gives them back, which keeps its
 * layers alone and makes packed bytes of their trits when somebody asks.
 */
import { ShapeError } from "../core/errors.ts";
import type { TernaryRows } from "../core/ternary-rows.ts";
import { modelFormatById } from "../formats/index.ts";
import type { GraphNode, NodeTensor, PackedTensor } from "./graph.ts";
import { describe, type PreparedOperation } from "./operation.ts";

/** The ternary planes of a node (all its ternary tensors, in order), by rows. @throws ShapeError when there is none */
export function ternaryPlanes(node: GraphNode): TernaryRows[] {
  const planes = Object.values(node.tensors).filter(isTernary);
  if (planes.length === 0) throw new ShapeError(`${describe(node)} needs ternary weights, which are missing`);
  return planes.map((tensor, plane) => tensor.rows ?? rowsOfBytes(tensor, plane));
}

/** Whether a tensor holds packed trits. */
export function isTernary(tensor: NodeTensor): tensor is PackedTensor {
  return tensor.kind === "ternary";
}

/** @throws ShapeError when the bytes do not fit or hold what stands for no trit */
function rowsOfBytes({ format: id, bytes, outFeatures, inFeatures, scales }: PackedTensor, plane: number): TernaryRows {
  const format = modelFormatById(id);
  const shape = { outFeatures, inFeatures };
  format.check(bytes, shape);
  const scratch = scratchOf(plane).trits;
  return {
    ...shape,
    scales,
    readRows: (first, count) => format.unpackRows(bytes, shape, first, count, scratch.take(count * inFeatures)),
  };
}

/** Room that is used again and again: what each read allocated would stay for the garbage collector. */
class Scratch<T extends Int8Array | Uint8Array> {
  readonly #Array: new (
    length: number,
  ) => T;
  #values: T;

  constructor(ArrayType: new (length: number) => T) {
    this.#Array = ArrayType;
    this.#values = new ArrayType(0);
  }

  /** @returns `[length]`, with what the one before left in it */
  take(length: number): T {
    if (this.#values.length < length) this.#values = new this.#Array(length);
    return this.#values.subarray(0, length) as T;
  }
}

interface PlaneScratch {
  readonly trits: Scratch<Int8Array>;
  readonly bytes: Scratch<Uint8Array>;
}

const scratches: PlaneScratch[] = [];

/** Room for the rows of one plane. All layers share it, because a layer has read its rows when it is made. */
export function scratchOf(plane: number): PlaneScratch {
  scratches[plane] ??= { trits: new Scratch(Int8Array), bytes: new Scratch(Uint8Array) };
  return scratches[plane];
}

/** A node whose packed bytes are made anew of its layer's trits each time that they are read. */
export function withoutBytes(node: GraphNode, { readTrits }: PreparedOperation): GraphNode {
  if (readTrits === undefined) return node;
  let planes = 0;
  const tensors = Object.entries(node.tensors).map(([name, tensor]): [string, NodeTensor] => {
    if (!isTernary(tensor)) return [name, tensor];
    const plane = planes++;
    return [name, planeOfLayer(tensor, () => readTrits(plane))];
  });
  return { ...node, tensors: Object.fromEntries(tensors) };
}

function planeOfLayer(
  { format, outFeatures, inFeatures, scales }: PackedTensor,
  readTrits: () => Int8Array,
): PackedTensor {
  const shape = { outFeatures, inFeatures };
  return {
    kind: "ternary",
    ...{ format, outFeatures, inFeatures, scales },
    get bytes() {
      return modelFormatById(format).pack({ ...shape, scales, trits: readTrits() });
    },
  };
}
