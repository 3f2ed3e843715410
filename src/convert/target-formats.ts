/** Storage formats as targets offer them. */
import { ShapeError } from "../core/errors.ts";
import type { Format } from "../formats/index.ts";
import { scaleCount } from "./packed-plane.ts";
import type { ScaleSharing, TargetFormat } from "./targets/target.ts";

const SCALE_BYTES = 4;

/** A format with the finest scales that it holds, for at most so many planes of a weight. */
export function targetFormat(format: Format, maxPlanes: number): TargetFormat {
  const { id, summary, scales: place, byteLength } = format;
  const scales = finestScales(format);
  return {
    ...{ id, summary, scales, maxPlanes },
    byteLength(matrix, planes, sharing) {
      const limit = format.limit(matrix);
      if (limit !== undefined) throw new ShapeError(`${id} ${limit}`);
      if (place === "inside") return planes * byteLength(matrix);
      const shared = scales === "per-tensor" ? scales : sharing;
      return planes * (byteLength(matrix) + SCALE_BYTES * scaleCount(matrix, shared));
    },
  };
}

function finestScales({ granularities, groupSize }: Format): ScaleSharing {
  if (groupSize !== undefined) return { groupSize };
  return granularities.includes("per-channel") ? "per-channel" : "per-tensor";
}
