/** Two tensors compared, value by value. */
import { sameShape } from "../core/shape.ts";
import type {
  CheckpointTensor,
  FloatTensor,
  PackedPlane,
  StoredBytes,
  TernaryTensor,
} from "./checkpoints/checkpoint.ts";
import { OutputMeasures } from "./measures.ts";
import { addedPlanes, blockOfPlane, rowBlocks } from "./row-blocks.ts";

/** How two tensors of one shape compare. */
export interface TensorComparison {
  /** Whether the files hold the same bytes of the same type; undefined where that was not looked at. */
  readonly hasEqualBytes: boolean;
  /** Whether all trits of all planes are equal; undefined where one of them is not ternary, or they differ in planes. */
  readonly hasEqualTrits: boolean | undefined;
  /** Whether all values are equal as float32. */
  readonly hasEqualValues: boolean;
  /** ‖A - B‖ / ‖A‖. */
  readonly relativeError: number;
  /** Largest |a - b|. */
  readonly largestDifference: number;
}

const EQUAL_BYTES: TensorComparison = {
  ...{ hasEqualBytes: true, hasEqualTrits: undefined, hasEqualValues: true },
  ...{ relativeError: 0, largestDifference: 0 },
};
const OTHER_BYTES: TensorComparison = {
  ...{ hasEqualBytes: false, hasEqualTrits: undefined, hasEqualValues: false },
  ...{ relativeError: Number.NaN, largestDifference: Number.NaN },
};
const CHUNK_BYTES = 2 ** 24;

/** Compares two tensors; undefined where their shapes differ. */
export async function compareTensors(a: CheckpointTensor, b: CheckpointTensor): Promise<TensorComparison | undefined> {
  const isSameMatrix =
    a.kind !== "other" &&
    b.kind !== "other" &&
    a.matrix.outFeatures === b.matrix.outFeatures &&
    a.matrix.inFeatures === b.matrix.inFeatures;
  if (!isSameMatrix && !sameShape(a.shape, b.shape)) return undefined;
  if (a.stored && b.stored && (await haveEqualBytes(a.stored, b.stored))) {
    return a.kind === "ternary" ? { ...EQUAL_BYTES, hasEqualTrits: true } : EQUAL_BYTES;
  }
  if (a.kind === "other" || b.kind === "other") return OTHER_BYTES;
  return await compareValues(a, b);
}

async function haveEqualBytes(a: StoredBytes, b: StoredBytes): Promise<boolean> {
  const isSameType =
    (a.elementType !== undefined && a.elementType === b.elementType) ||
    (a.ggufType !== undefined && a.ggufType === b.ggufType);
  if (!isSameType || a.byteLength !== b.byteLength) return false;
  for (let begin = 0; begin < a.byteLength; begin += CHUNK_BYTES) {
    const end = Math.min(begin + CHUNK_BYTES, a.byteLength);
    const [first, second] = await Promise.all([a.read(begin, end), b.read(begin, end)]);
    for (let i = 0; i < first.length; i++) if (first[i] !== second[i]) return false;
  }
  return true;
}

/** Rows of a tensor with their trits, where it is ternary. */
type RowReader = (first: number, count: number) => Promise<{ values: Float32Array; trits: Int8Array[] | undefined }>;

async function compareValues(
  a: FloatTensor | TernaryTensor,
  b: FloatTensor | TernaryTensor,
): Promise<TensorComparison> {
  const [readA, readB] = await Promise.all([rowReader(a), rowReader(b)]);
  const isTernary = a.kind === "ternary" && b.kind === "ternary" && a.planeCount === b.planeCount;
  let hasEqualTrits = true;
  let hasEqualValues = true;
  let largestDifference = 0;
  const distance = new OutputMeasures();
  for (const { first, count } of rowBlocks(a.matrix)) {
    const [rowsA, rowsB] = [await readA(first, count), await readB(first, count)];
    hasEqualTrits &&= isTernary && haveEqualTrits(rowsA.trits ?? [], rowsB.trits ?? []);
    distance.add(rowsA.values, rowsB.values);
    for (let i = 0; i < rowsA.values.length; i++) {
      const difference = Math.abs(rowsA.values[i] - rowsB.values[i]);
      if (difference === 0) continue;
      if (Object.is(rowsA.values[i], rowsB.values[i])) continue; // infinities and numbers that are none
      hasEqualValues = false;
      if (!(difference <= largestDifference)) largestDifference = difference;
    }
  }
  return {
    ...{ hasEqualBytes: false, hasEqualTrits: isTernary ? hasEqualTrits : undefined, hasEqualValues },
    relativeError: hasEqualValues ? 0 : distance.relativeError,
    largestDifference,
  };
}

async function rowReader(tensor: FloatTensor | TernaryTensor): Promise<RowReader> {
  if (tensor.kind === "float") {
    return async (first, count) => ({ values: await tensor.readRows(first, count), trits: undefined });
  }
  const { matrix } = tensor;
  const planes: readonly PackedPlane[] = await tensor.readPlanes();
  return async (first, count) => {
    const blocks = planes.map((plane) => blockOfPlane(plane, matrix, { first, count }));
    return { values: addedPlanes(blocks), trits: blocks.map(({ trits }) => trits) };
  };
}

function haveEqualTrits(a: readonly Int8Array[], b: readonly Int8Array[]): boolean {
  return a.every((trits, plane) => {
    const others = b[plane];
    for (let i = 0; i < trits.length; i++) if (trits[i] !== others[i]) return false;
    return true;
  });
}
