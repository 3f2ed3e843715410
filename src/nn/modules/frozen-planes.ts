/** Ternary planes as buffers of a module: stored and loaded by name, and changed by no training. */
import { ShapeError } from "../../core/errors.ts";
import { checkUngrouped, ungroup } from "../../core/regroup.ts";
import { checkTernaryMatrix, type TernaryMatrix } from "../../core/ternary-matrix.ts";
import { lift, Parameter } from "../../tensor/index.ts";
import type { TernarySizes } from "../summary-bytes.ts";
import type { TracedWeight } from "./ternary-product.ts";
import { checkRowLength } from "./ternary-weight.ts";

/** Planes in the fields of a module, so that a state dict has `trits.0`, `scales.0`, `trits.1`, ... */
export interface FrozenPlanes {
  /** For each plane `[outFeatures, inFeatures]`, -1, 0 or +1. */
  readonly trits: readonly Parameter[];
  /** For each plane `[1]` or `[outFeatures]`. */
  readonly scales: readonly Parameter[];
}

/**
 * Copies planes into buffers. Groups within rows lose their scales where one for each row says the same.
 *
 * @throws ShapeError when there is no plane, their sizes differ, or one is no ternary matrix; UnsupportedError where groups
 *   within a row have other scales than the rest of it
 */
export function frozenPlanes(given: readonly TernaryMatrix[]): FrozenPlanes {
  if (given.length === 0) throw new ShapeError("a ternary layer needs at least one plane");
  const { outFeatures, inFeatures } = given[0];
  for (const plane of given) {
    checkTernaryMatrix(plane);
    if (plane.outFeatures === outFeatures && plane.inFeatures === inFeatures) continue;
    throw new ShapeError(
      `planes of a layer must have one shape: expected [${outFeatures}, ${inFeatures}], got [${plane.outFeatures}, ${plane.inFeatures}]`,
    );
  }
  checkRowLength(inFeatures);
  const planes = given.map((plane) => ungroup(plane) ?? plane);
  planes.forEach(checkUngrouped);
  return {
    trits: planes.map(({ trits }) => new Parameter([outFeatures, inFeatures], Float32Array.from(trits), false)),
    scales: planes.map(({ scales }) => new Parameter([scales.length], scales.slice(), false)),
  };
}

/** The planes as host matrices. @throws ShapeError when a state that was loaded holds other values than trits and scales */
export function planesOf({ trits, scales }: FrozenPlanes): TernaryMatrix[] {
  const [outFeatures, inFeatures] = trits[0].shape;
  return trits.map(({ value }, i) => {
    const wrong = value.findIndex((trit) => trit !== -1 && trit !== 0 && trit !== 1);
    if (wrong >= 0)
      throw new ShapeError(`a trit must be -1, 0 or 1, got ${value[wrong]} at index ${wrong} of plane ${i}`);
    const plane = { outFeatures, inFeatures, trits: Int8Array.from(value), scales: scales[i].value.slice() };
    checkTernaryMatrix(plane);
    return plane;
  });
}

/** The planes on their way into a product. */
export function tracePlanes({ trits, scales }: FrozenPlanes): TracedWeight[] {
  return trits.map((plane, i) => ({ codes: lift(plane), multiplier: lift(scales[i]).reshape([scales[i].size, 1]) }));
}

/** What the planes take when they are packed. */
export function sizesOf({ trits, scales }: FrozenPlanes): TernarySizes {
  const [outFeatures, inFeatures] = trits[0].shape;
  const scaleCount = scales.reduce((sum, { size }) => sum + size, 0);
  return {
    shape: { outFeatures, inFeatures },
    planes: trits.length,
    scales: scaleCount,
    replaced: [...trits, ...scales],
  };
}
