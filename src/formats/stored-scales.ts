/** Scales as formats have them: shared by what the format lets share one, and as bytes among the packed trits. */
import { ShapeError } from "../core/errors.ts";
import { float16Bits, float16Value, MAX_FLOAT16 } from "../core/float16.ts";
import { regroup } from "../core/regroup.ts";
import {
  checkScales,
  checkSizes,
  granularityOf,
  isScale,
  type MatrixShape,
  type ScaleGranularity,
  scaleCountOf,
  type TernaryMatrix,
} from "../core/ternary-matrix.ts";
import { viewOf } from "./byte-words.ts";
import type { Format } from "./format.ts";

/** Scales among the bytes of a format. */
export interface InsideScales {
  readonly type: "float16" | "float32";
  /** Offset of the bytes of a scale, by its index in a matrix's `scales`. */
  offsetOf(index: number, shape: MatrixShape): number;
}

type ScaleHolder = Pick<Format, "id" | "granularities" | "groupSize">;

/**
 * The same weights with scales shared as a format lets them.
 *
 * @throws ShapeError when more of them differ than the format can hold
 */
export function shareScales(format: ScaleHolder, matrix: TernaryMatrix): TernaryMatrix {
  checkSizes(matrix);
  checkScales(matrix);
  const own = granularityOf(matrix);
  const hasGroupsOfFormat = format.groupSize === undefined || format.groupSize === matrix.groupSize;
  if (format.granularities.includes(own) && (own !== "per-group" || hasGroupsOfFormat)) return matrix;
  for (const granularity of format.granularities) {
    const shared = regroup(matrix, granularity, granularity === "per-group" ? format.groupSize : undefined);
    if (shared) return shared;
  }
  const held = format.granularities.map((granularity) => describe(granularity, format.groupSize)).join(" or ");
  throw new ShapeError(
    `${format.id} holds ${held}, and these weights have ${describe(own, matrix.groupSize)}, which differ: choose a format that holds them, or quantize the real weights again`,
  );
}

/**
 * The nearest scales of the type inside a format.
 *
 * @throws ShapeError when one is infinite, or 0 for a scale that is not
 */
export function roundedScales(id: string, { type }: InsideScales, scales: Float32Array): Float32Array {
  if (type === "float32") return scales;
  const rounded = new Float32Array(scales.length);
  for (let i = 0; i < scales.length; i++) {
    // Rows and whole matrices often have one scale, of which their blocks have copies.
    rounded[i] = i > 0 && scales[i] === scales[i - 1] ? rounded[i - 1] : float16Value(float16Bits(scales[i]));
    if (Number.isFinite(rounded[i]) && (rounded[i] !== 0 || scales[i] === 0)) continue;
    throw new ShapeError(
      `${id} stores scales as float16, from 2^-24 to ${MAX_FLOAT16}, which cannot hold ${scales[i]}: choose a format with float32 scales`,
    );
  }
  return rounded;
}

/** Checks that the type inside a format holds scales as they are. @throws ShapeError naming the first that it would round */
export function checkHeld(id: string, inside: InsideScales, scales: Float32Array): void {
  const rounded = roundedScales(id, inside, scales);
  for (let i = 0; i < scales.length; i++) {
    if (rounded[i] === scales[i]) continue;
    throw new ShapeError(
      `${id} stores scales as ${inside.type}, which cannot hold ${scales[i]} (the nearest is ${rounded[i]}): pack what roundScales gives, and tell the difference, or choose a format with float32 scales`,
    );
  }
}

/** Writes the scales of a matrix, each of which the type holds, into its packed bytes. */
export function writeScales(
  { type, offsetOf }: InsideScales,
  scales: Float32Array,
  bytes: Uint8Array,
  shape: MatrixShape,
): void {
  const view = viewOf(bytes);
  let bits = 0;
  for (let i = 0; i < scales.length; i++) {
    const offset = offsetOf(i, shape);
    if (type === "float32") {
      view.setFloat32(offset, scales[i], true);
    } else {
      if (i === 0 || !Object.is(scales[i], scales[i - 1])) bits = float16Bits(scales[i]);
      view.setUint16(offset, bits, true);
    }
  }
}

/** The scales in packed bytes of the right length. @throws ShapeError naming the byte where one starts that is none */
export function readScales(
  { id, granularities, groupSize }: ScaleHolder,
  { type, offsetOf }: InsideScales,
  bytes: Uint8Array,
  shape: MatrixShape,
): Float32Array {
  const view = viewOf(bytes);
  const scales = new Float32Array(scaleCountOf(shape, granularities[0], groupSize));
  let [value, bits] = [Number.NaN, -1];
  for (let i = 0; i < scales.length; i++) {
    const offset = offsetOf(i, shape);
    if (type === "float32") {
      value = view.getFloat32(offset, true);
    } else {
      const next = view.getUint16(offset, true);
      if (next !== bits) value = float16Value(next);
      bits = next;
    }
    scales[i] = value;
    if (isScale(value)) continue;
    throw new ShapeError(
      `${id}: byte ${offset} starts the scale ${value}; a scale must be zero or a finite number of at least 2^-100 in magnitude`,
    );
  }
  return scales;
}

function describe(granularity: ScaleGranularity, groupSize: number | undefined): string {
  if (granularity === "per-tensor") return "one scale for the whole matrix";
  return granularity === "per-channel"
    ? "one scale per row"
    : `one scale for every ${groupSize ?? "few"} weights of a row`;
}
