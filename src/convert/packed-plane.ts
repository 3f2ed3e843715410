/** Packed bytes as a plane: checked once, unpacked by rows. */
import { BitLinearError, FileError } from "../core/errors.ts";
import { checkScales, type MatrixShape, scaleCountOf } from "../core/ternary-matrix.ts";
import type { Format } from "../formats/index.ts";
import type { PackedPlane } from "./checkpoints/checkpoint.ts";
import type { ScaleSharing } from "./targets/target.ts";

/** Scales with the number of weights that share one. */
export interface PlaneScales {
  readonly scales: Float32Array;
  readonly groupSize?: number | undefined;
}

/**
 * A plane of bytes whose scales are stored beside them.
 *
 * @throws ShapeError when the bytes hold codes that stand for no trit, or scales are not allowed or not as many as needed
 */
export function packedPlane(
  format: Format,
  bytes: Uint8Array,
  matrix: MatrixShape,
  { scales, groupSize }: PlaneScales,
): PackedPlane {
  format.check(bytes, matrix);
  checkScales({ ...matrix, scales, ...(groupSize !== undefined && { groupSize }) });
  return { scales, groupSize, unpackRows: (first, count) => format.unpackRows(bytes, matrix, first, count) };
}

/** A plane of bytes that hold their scales. @throws ShapeError when they hold codes that stand for no trit or no scale */
export function packedPlaneWithScales(format: Format, bytes: Uint8Array, matrix: MatrixShape): PackedPlane {
  return packedPlane(format, bytes, matrix, format.scalesOf(bytes, matrix));
}

/** How many scales a matrix has. */
export function scaleCount(matrix: MatrixShape, sharing: ScaleSharing): number {
  return typeof sharing === "string"
    ? scaleCountOf(matrix, sharing)
    : scaleCountOf(matrix, "per-group", sharing.groupSize);
}

/** Runs `read`, and names file and tensor in what it refuses. */
export async function inTensor<T>(file: string, tensor: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (!(cause instanceof BitLinearError) || cause instanceof FileError) throw cause;
    throw new FileError(cause.message, { file, tensor }, { cause });
  }
}
