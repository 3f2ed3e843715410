/** A plan as a table. */
import type { ConversionPlan, PlannedTensor } from "../../convert/conversion-plan.ts";
import { formatBytes, formatCount } from "../../core/number-format.ts";
import { formatShape } from "../../core/shape.ts";
import { formatTable } from "../../core/text-table.ts";

/** One tensor a line, and the sums. */
export function planTable({ tensors, format }: ConversionPlan): string {
  const sum = (bytes: "bytesBefore" | "bytesAfter") => tensors.reduce((total, tensor) => total + tensor[bytes], 0);
  return formatTable({
    heading: ["tensor", "shape", "from", "to", "bytes", "after", "because"],
    alignments: ["left", "left", "left", "left", "right", "right", "left"],
    rows: tensors.map((tensor) => [
      tensor.name,
      formatShape(tensor.shape),
      tensor.from,
      describeAction(tensor, format),
      formatCount(tensor.bytesBefore),
      formatCount(tensor.bytesAfter),
      tensor.reason,
    ]),
    total: ["total", "", "", "", formatBytes(sum("bytesBefore")), formatBytes(sum("bytesAfter")), ""],
  });
}

/** What a tensor becomes: `tq2_0 by optimal`, `base3 x 2 by optimal, calibrated`. */
function describeAction({ action, from }: PlannedTensor, format: string): string {
  if (action.kind === "keep") return from;
  if (action.kind === "float") return "F32";
  const planes = action.planes === 1 ? format : `${format} x ${action.planes}`;
  if (action.kind === "repack") return planes;
  return `${planes} by ${action.quantizer}${action.isCalibrated === true ? ", calibrated" : ""}`;
}
