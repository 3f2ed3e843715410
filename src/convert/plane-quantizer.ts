/** The weight rule of planes for a format: which scales it makes, so that the format can hold them. */
import { UnsupportedError } from "../core/errors.ts";
import type { Granularity, MatrixShape } from "../core/ternary-matrix.ts";
import { quantizers } from "../quantizers/index.ts";
import { checkPlanes, planeQuantizer } from "../quantizers/multi-ternary.ts";
import type { ScaleSharing, TargetFormat } from "./targets/target.ts";

/** Weight rule where none is asked for: the least-squares trits and scales. */
export const DEFAULT_QUANTIZER = "optimal";

/** A rule and the scales that it makes. */
export interface PlannedQuantizer {
  readonly id: string;
  readonly scales: ScaleSharing;
}

/**
 * The rule for so many planes in a format.
 *
 * @throws UnsupportedError for an unknown rule, one that learns its scale, or one that cannot make what the format holds
 */
export function quantizerFor(
  id: string = DEFAULT_QUANTIZER,
  planes: number,
  format: Pick<TargetFormat, "id" | "scales" | "maxPlanes">,
): PlannedQuantizer {
  checkPlanes(planes, planes > 1 ? "joint" : "greedy");
  if (planes > format.maxPlanes) {
    const most = format.maxPlanes === 1 ? "one plane" : `${format.maxPlanes} planes`;
    throw new UnsupportedError(`format ${format.id} holds ${most} of a weight, got ${planes}: choose another format`);
  }
  if (planes > mostFittedPlanes(format)) {
    throw new UnsupportedError(
      `several planes are fitted with a scale for each row, and ${format.id} holds one in all: choose another format`,
    );
  }
  const scales = sharingOf(planeQuantizer({ quantizer: id }).options.granularity, format, planes);
  planeQuantizer({ quantizer: id, quantizerOptions: { granularity: granularityOf(scales) } }); // it has this granularity
  return { id, scales };
}

/** The most planes that can be made of floats for a format: joint fits have a scale per row. */
export function mostFittedPlanes({ scales, maxPlanes }: Pick<TargetFormat, "scales" | "maxPlanes">): number {
  return scales === "per-tensor" ? 1 : maxPlanes;
}

/** As fine as the format allows, but no finer than the rule is by itself, except that rows may fall into groups. */
function sharingOf(own: Granularity, { scales }: Pick<TargetFormat, "scales">, planes: number): ScaleSharing {
  if (scales === "per-tensor" || (own === "per-tensor" && planes === 1)) return "per-tensor";
  return typeof scales === "object" && planes > 1 ? "per-channel" : scales;
}

/** What a rule has to be asked for; groups are rows of a matrix that is reshaped. */
export function granularityOf(scales: ScaleSharing): Granularity {
  return scales === "per-tensor" ? "per-tensor" : "per-channel";
}

/** The matrix that a rule sees: rows that are as long as what shares a scale. */
export function reshapedForGroups({ outFeatures, inFeatures }: MatrixShape, scales: ScaleSharing): MatrixShape {
  if (typeof scales !== "object" || scales.groupSize >= inFeatures) return { outFeatures, inFeatures };
  return { outFeatures: (outFeatures * inFeatures) / scales.groupSize, inFeatures: scales.groupSize };
}

/** The rules that can make planes without training, for help texts. */
export const planeQuantizers: readonly { readonly id: string; readonly summary: string }[] = quantizers.filter(
  ({ id }) => {
    try {
      return planeQuantizer({ quantizer: id }) !== undefined;
    } catch (error) {
      if (error instanceof UnsupportedError) return false;
      throw error;
    }
  },
);
