/** Scales without repetition: one per group, where groups of a row agree one per row, where rows agree one. */
import type { MatrixShape } from "../core/ternary-matrix.ts";
import type { PlaneScales } from "./packed-plane.ts";

/**
 * The same scales, as few as tell all.
 *
 * @param isUsed per scale, whether any trit that it belongs to is not 0; what belongs to zeros only agrees with anything
 */
export function fewestScales(
  { scales, groupSize }: PlaneScales,
  { outFeatures, inFeatures }: MatrixShape,
  isUsed: Uint8Array,
): PlaneScales {
  if (scales.length === 1) return { scales };
  const perRow = groupSize === undefined ? 1 : Math.ceil(inFeatures / groupSize);
  const one = agreedScale(scales, isUsed, 0, scales.length);
  if (one !== undefined) return { scales: Float32Array.of(one) };
  if (perRow === 1) return { scales };
  const rows = new Float32Array(outFeatures);
  for (let row = 0; row < outFeatures; row++) {
    const scale = agreedScale(scales, isUsed, row * perRow, (row + 1) * perRow);
    if (scale === undefined) return { scales, groupSize };
    rows[row] = scale;
  }
  return { scales: rows };
}

/** The scale that all used groups of a range have; 0 where none is used. */
function agreedScale(scales: Float32Array, isUsed: Uint8Array, begin: number, end: number): number | undefined {
  let agreed: number | undefined;
  for (let i = begin; i < end; i++) {
    if (isUsed[i] === 0) continue;
    if (agreed !== undefined && agreed !== scales[i]) return undefined;
    agreed = scales[i];
  }
  return agreed ?? 0;
}

/** Per row, or per group of a row, whether a trit is not 0. */
export function usedScales(
  trits: Int8Array,
  { outFeatures, inFeatures }: MatrixShape,
  groupSize: number = inFeatures,
): Uint8Array {
  const perRow = Math.ceil(inFeatures / groupSize);
  const used = new Uint8Array(outFeatures * perRow);
  for (let row = 0, group = 0, i = 0; row < outFeatures; row++) {
    const rowEnd = i + inFeatures;
    for (let k = 0; k < perRow; k++, group++) {
      const end = Math.min(i + groupSize, rowEnd);
      let bits = 0;
      for (; i < end; i++) bits |= trits[i];
      used[group] = bits === 0 ? 0 : 1;
    }
  }
  return used;
}
