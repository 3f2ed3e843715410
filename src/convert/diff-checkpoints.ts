/** Two checkpoints compared tensor by tensor, whatever their containers and formats. */
import type { ByteSource } from "../files/index.ts";
import type { OpenCheckpointOptions } from "./checkpoint-source.ts";
import type { Checkpoint, CheckpointTensor } from "./checkpoints/checkpoint.ts";
import { openCheckpoint } from "./checkpoints/index.ts";
import { compareTensors } from "./compare-tensors.ts";

/** How a tensor of one file compares to that of the same name in another, best first. */
export type DiffStatus =
  /** The same bytes of the same type. */
  | "equal bytes"
  /** Other bytes, the same values; for ternary tensors the same trits and scales. */
  | "equal values"
  /** The same trits, other scales. */
  | "equal trits"
  | "differs"
  | "other shape"
  | "only in A"
  | "only in B";

/** One tensor of two files. */
export interface TensorDiff {
  readonly name: string;
  readonly status: DiffStatus;
  /** Types, or undefined where the file has no such tensor. */
  readonly typeA: string | undefined;
  readonly typeB: string | undefined;
  readonly shapeA: readonly number[] | undefined;
  readonly shapeB: readonly number[] | undefined;
  /** ‖A - B‖ / ‖A‖; undefined where values were not or cannot be compared. */
  readonly relativeError: number | undefined;
  /** Largest |a - b|. */
  readonly largestDifference: number | undefined;
}

/** Two files. */
export interface CheckpointDiff {
  readonly tensors: readonly TensorDiff[];
  /** Largest relative error of tensors that both files have. */
  readonly largestError: number;
  /** Whether both have the same tensors, and none differs by more than the tolerance. */
  readonly isWithinTolerance: boolean;
}

/** How files are compared. */
export interface DiffOptions extends OpenCheckpointOptions {
  /** Largest relative error of a tensor that counts as equal; 0 by default. */
  readonly tolerance?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onTensor?: ((done: number, total: number) => void) | undefined;
}

/** Compares two files. @throws what `openCheckpoint` throws, and the reason of `signal` once it is aborted */
export async function diffCheckpoints(
  a: ByteSource,
  b: ByteSource,
  options: DiffOptions = {},
): Promise<CheckpointDiff> {
  await using first = await openCheckpoint(a, options);
  await using second = await openCheckpoint(b, options);
  return await compareCheckpoints(first, second, options);
}

/** Compares two open files. */
export async function compareCheckpoints(
  a: Checkpoint,
  b: Checkpoint,
  { tolerance = 0, signal, onTensor }: DiffOptions = {},
): Promise<CheckpointDiff> {
  const names = [...new Set([...a.tensors.keys(), ...b.tensors.keys()])];
  const tensors: TensorDiff[] = [];
  for (const name of names) {
    signal?.throwIfAborted();
    onTensor?.(tensors.length, names.length);
    tensors.push(await diffTensors(name, a.tensors.get(name), b.tensors.get(name)));
  }
  const isWithin = ({ status, relativeError }: TensorDiff): boolean =>
    status.startsWith("equal")
      ? (relativeError ?? 0) <= tolerance
      : (relativeError ?? Number.POSITIVE_INFINITY) <= tolerance;
  return {
    tensors,
    largestError: tensors.reduce((most, { relativeError = 0 }) => Math.max(most, relativeError), 0),
    isWithinTolerance: tensors.every(isWithin),
  };
}

async function diffTensors(
  name: string,
  a: CheckpointTensor | undefined,
  b: CheckpointTensor | undefined,
): Promise<TensorDiff> {
  const head = { name, typeA: a?.type, typeB: b?.type, shapeA: a?.shape, shapeB: b?.shape };
  const unknown = { relativeError: undefined, largestDifference: undefined };
  if (a === undefined || b === undefined)
    return { ...head, ...unknown, status: a === undefined ? "only in B" : "only in A" };
  const found = await compareTensors(a, b);
  if (found === undefined) return { ...head, ...unknown, status: "other shape" };
  const { hasEqualBytes, hasEqualTrits, hasEqualValues, relativeError, largestDifference } = found;
  if (hasEqualBytes || hasEqualValues) {
    const status = hasEqualBytes ? "equal bytes" : "equal values";
    return { ...head, status, relativeError: 0, largestDifference: 0 };
  }
  const values = Number.isNaN(relativeError) ? unknown : { relativeError, largestDifference };
  return { ...head, ...values, status: hasEqualTrits === true ? "equal trits" : "differs" };
}
