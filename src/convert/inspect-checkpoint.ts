/** What a checkpoint holds: types, shares of trits, scales, bytes, and by what evidence each was recognised. */
import type { Shape } from "../core/shape.ts";
import { elementCount } from "../core/shape.ts";
import type { Checkpoint, CheckpointTensor, PackedPlane, TernaryTensor } from "./checkpoints/checkpoint.ts";
import { addTrits, type TritCounts } from "./layer-figures.ts";
import { rowBlocks } from "./row-blocks.ts";

/** What is said of the scales of a ternary tensor. */
export interface ScaleInspection {
  /** Of all planes. */
  readonly count: number;
  /** Weights of a row that share one, where they are not the whole row. */
  readonly groupSize: number | undefined;
  readonly smallest: number;
  readonly largest: number;
}

/** One tensor. */
export interface TensorInspection {
  readonly name: string;
  readonly kind: CheckpointTensor["kind"];
  readonly shape: Shape;
  readonly type: string;
  readonly byteLength: number;
  /** Undefined for a tensor that holds no values of a layer. */
  readonly bitsPerWeight: number | undefined;
  readonly planes: number | undefined;
  /** How many trits of all planes are -1, 0 and +1. */
  readonly trits: TritCounts | undefined;
  readonly scales: ScaleInspection | undefined;
  /** How a ternary tensor was recognised. */
  readonly evidence: string | undefined;
}

/** A whole file. */
export interface CheckpointInspection {
  readonly kind: string;
  readonly description: string;
  readonly tensors: readonly TensorInspection[];
  readonly total: {
    readonly values: number;
    readonly byteLength: number;
    readonly fileByteLength: number;
    /** Undefined where nothing is ternary. */
    readonly trits: TritCounts | undefined;
    readonly ternaryWeights: number;
    readonly ternaryBytes: number;
  };
  readonly findings: readonly string[];
}

/** Looks at every tensor of a checkpoint; ternary ones are read. @throws FileError when one is damaged */
export async function inspectCheckpoint(checkpoint: Checkpoint, signal?: AbortSignal): Promise<CheckpointInspection> {
  const tensors: TensorInspection[] = [];
  for (const tensor of checkpoint.tensors.values()) {
    signal?.throwIfAborted();
    tensors.push(tensor.kind === "ternary" ? await inspectTernary(tensor) : inspectOther(tensor));
  }
  const ternary = tensors.filter(({ kind }) => kind === "ternary");
  const sum = (some: readonly TensorInspection[], value: (one: TensorInspection) => number) =>
    some.reduce((total, one) => total + value(one), 0);
  const { kind, description, findings, byteLength: fileByteLength } = checkpoint;
  return {
    ...{ kind, description, tensors, findings },
    total: {
      values: sum(tensors, ({ shape }) => elementCount(shape)),
      byteLength: sum(tensors, ({ byteLength }) => byteLength),
      fileByteLength,
      trits: ternary.length === 0 ? undefined : addTrits(ternary.flatMap(({ trits }) => (trits ? [trits] : []))),
      ternaryWeights: sum(ternary, ({ shape }) => elementCount(shape)),
      ternaryBytes: sum(ternary, ({ byteLength }) => byteLength),
    },
  };
}

function inspectOther({ name, kind, shape, type, byteLength }: CheckpointTensor): TensorInspection {
  const nothing = { planes: undefined, trits: undefined, scales: undefined, evidence: undefined };
  const count = elementCount(shape);
  const bitsPerWeight = kind === "float" && count > 0 ? (byteLength * 8) / count : undefined;
  return { ...{ name, kind, shape, type, byteLength, bitsPerWeight }, ...nothing };
}

async function inspectTernary(tensor: TernaryTensor): Promise<TensorInspection> {
  const { name, kind, shape, type, byteLength, planeCount, matrix, evidence } = tensor;
  const planes = await tensor.readPlanes();
  const counts: [number, number, number] = [0, 0, 0];
  for (const plane of planes) {
    for (const { first, count } of rowBlocks(matrix)) {
      const trits = plane.unpackRows(first, count);
      for (let i = 0; i < trits.length; i++) counts[trits[i] + 1]++;
    }
  }
  return {
    ...{ name, kind, shape, type, byteLength, evidence, planes: planeCount, trits: counts },
    bitsPerWeight: (byteLength * 8) / elementCount(shape),
    scales: inspectScales(planes),
  };
}

function inspectScales(planes: readonly PackedPlane[]): ScaleInspection {
  let [count, smallest, largest] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { scales } of planes) {
    count += scales.length;
    for (const scale of scales) {
      smallest = Math.min(smallest, scale);
      largest = Math.max(largest, scale);
    }
  }
  return { count, smallest, largest, groupSize: planes[0].groupSize };
}
