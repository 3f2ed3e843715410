/** Matrices in blocks of rows, so that one of any size passes through little memory. */
import { dequantize, type MatrixShape, type TernaryMatrix } from "../core/ternary-matrix.ts";
import type { Format } from "../formats/index.ts";
import type { PackedPlane } from "./checkpoints/checkpoint.ts";
import type { PlaneScales } from "./packed-plane.ts";

/** Weights of a block: 4 MB as float32. Several copies of a block wait for the garbage collector at any time. */
export const BLOCK_WEIGHTS: number = 2 ** 20;

/** Some rows of a matrix. */
export interface RowBlock {
  readonly first: number;
  readonly count: number;
}

/** The rows of a matrix in blocks of about `BLOCK_WEIGHTS`, at least a row each. */
export function* rowBlocks(
  { outFeatures, inFeatures }: MatrixShape,
  weights: number = BLOCK_WEIGHTS,
): Generator<RowBlock> {
  const step = Math.max(1, Math.floor(weights / inFeatures));
  for (let first = 0; first < outFeatures; first += step) yield { first, count: Math.min(step, outFeatures - first) };
}

/** A block of a plane as a matrix of its own. */
export function blockOfPlane(plane: PackedPlane, matrix: MatrixShape, { first, count }: RowBlock): TernaryMatrix {
  const { inFeatures } = matrix;
  const { groupSize } = plane;
  const trits = plane.unpackRows(first, count);
  const scales = scalesOfRows(plane, matrix, { first, count });
  return { outFeatures: count, inFeatures, trits, scales, ...(groupSize !== undefined && { groupSize }) };
}

/** The scales of some rows, as few as before: one stays one. */
export function scalesOfRows({ scales, groupSize }: PlaneScales, matrix: MatrixShape, rows: RowBlock): Float32Array {
  if (scales.length === 1) return scales;
  const perRow = groupSize === undefined ? 1 : Math.ceil(matrix.inFeatures / groupSize);
  return scales.slice(rows.first * perRow, (rows.first + rows.count) * perRow);
}

/** Whether a format stores rows one after the other, so that blocks of rows can be packed on their own. */
export function isRowWise(format: Format, matrix: MatrixShape): boolean {
  const { outFeatures, inFeatures } = matrix;
  const row = { outFeatures: 1, inFeatures };
  return format.limit(row) === undefined && format.byteLength(matrix) === outFeatures * format.byteLength(row);
}

/** The packed bytes of a plane, block by block where the format allows it; scales inside are rounded as the format has them. */
export function* packedChunks(format: Format, plane: PackedPlane, matrix: MatrixShape): Generator<Uint8Array> {
  const blocks = isRowWise(format, matrix) ? rowBlocks(matrix) : [{ first: 0, count: matrix.outFeatures }];
  for (const block of blocks) yield format.pack(format.roundScales(blockOfPlane(plane, matrix, block)));
}

/** The weights that planes add up to, as float32, in their order: what dequantization gives. */
export function addedPlanes(planes: readonly TernaryMatrix[]): Float32Array {
  const [first, ...others] = planes.map(dequantize);
  for (const plane of others) {
    for (let i = 0; i < first.length; i++) first[i] += plane[i];
  }
  return first;
}
