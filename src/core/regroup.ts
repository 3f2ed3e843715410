/** The same weights with scales shared by more or fewer of them, where that changes no weight. */
import { UnsupportedError } from "./errors.ts";
import { checkSize } from "./shape.ts";
import { granularityOf, type ScaleGranularity, scaleCountOf, scaleOf, type TernaryMatrix } from "./ternary-matrix.ts";

/**
 * A matrix with the same real weights and trits whose scales have another granularity; undefined where a scale would have
 * to stand for two. Weights that are 0 fit any scale.
 *
 * @param groupSize of "per-group"
 */
export function regroup(
  matrix: TernaryMatrix,
  granularity: ScaleGranularity,
  groupSize?: number,
): TernaryMatrix | undefined {
  const { outFeatures, inFeatures, trits } = matrix;
  if (granularityOf(matrix) === granularity && matrix.groupSize === groupSize) return matrix;
  if (groupSize !== undefined) checkSize("groupSize", groupSize);
  const scales = new Float32Array(scaleCountOf({ outFeatures, inFeatures }, granularity, groupSize));
  if (granularity !== "per-tensor" && matrix.groupSize === undefined) {
    // Rows and their parts have the scale of the row; found without a look at the trits.
    const perRow = scales.length / outFeatures;
    for (let row = 0; row < outFeatures; row++) scales.fill(scaleOf(matrix, row, 0), row * perRow, (row + 1) * perRow);
    return { outFeatures, inFeatures, trits, scales, ...(groupSize !== undefined && { groupSize }) };
  }
  const rows = granularity === "per-tensor" ? outFeatures : 1;
  const columns = groupSize ?? inFeatures;
  let at = 0;
  for (let row = 0; row < outFeatures; row += rows) {
    for (let k = 0; k < inFeatures; k += columns) {
      const scale = sharedScale(matrix, [row, row + rows], [k, Math.min(k + columns, inFeatures)]);
      if (scale === undefined) return undefined;
      scales[at++] = scale;
    }
  }
  return { outFeatures, inFeatures, trits, scales, ...(groupSize !== undefined && { groupSize }) };
}

/**
 * The matrix without groups: with one scale, or one per row, where that changes no weight, else undefined. A matrix without
 * groups is given back as it is.
 */
export function ungroup(matrix: TernaryMatrix): TernaryMatrix | undefined {
  if (matrix.groupSize === undefined) return matrix;
  return regroup(matrix, "per-tensor") ?? regroup(matrix, "per-channel");
}

/**
 * Checks that a matrix has scales that layers can apply.
 *
 * @throws UnsupportedError when groups within rows have scales of their own
 */
export function checkUngrouped({ groupSize }: Pick<TernaryMatrix, "groupSize">): void {
  if (groupSize === undefined) return;
  throw new UnsupportedError(
    `layers take scales per tensor or per row, and these weights have one for every ${groupSize} of a row; give them to ungroup, or where that gives undefined, quantize their real weights again`,
  );
}

/** The scale of every weight in some rows and columns that is not 0; undefined where there are several. */
function sharedScale(
  matrix: TernaryMatrix,
  [firstRow, endRow]: readonly [number, number],
  [firstColumn, endColumn]: readonly [number, number],
): number | undefined {
  const { inFeatures, trits } = matrix;
  const { groupSize = inFeatures } = matrix;
  const first = scaleOf(matrix, firstRow, firstColumn);
  let shared: number | undefined;
  for (let row = firstRow; row < endRow; row++) {
    for (let k = firstColumn; k < endColumn; ) {
      const end = Math.min(endColumn, (Math.floor(k / groupSize) + 1) * groupSize);
      const scale = scaleOf(matrix, row, k);
      if (scale !== shared && hasNonzero(trits, row * inFeatures + k, row * inFeatures + end)) {
        if (shared !== undefined) return undefined;
        shared = scale;
      }
      k = end;
    }
  }
  return shared ?? first;
}

function hasNonzero(trits: Int8Array, from: number, end: number): boolean {
  for (let i = from; i < end; i++) if (trits[i] !== 0) return true;
  return false;
}
