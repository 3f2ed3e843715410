/** An inspection as a person reads it. */
import { formatBytes, formatCount, formatPercent, formatRatio } from "../core/number-format.ts";
import { type Alignment, formatTable, type TextTable } from "../core/text-table.ts";
import type { Inspection, SizeInspection } from "./inspect.ts";

const HEADING = ["layer", "operation", "parameters", "−1", "0", "+1", "bits", "bytes", "exact", "contents"];
const ALIGNMENTS: readonly Alignment[] = HEADING.map((name) =>
  ["layer", "operation", "contents"].includes(name) ? "left" : "right",
);

/** An inspection as a table for a fixed-width font, one operation a line, and a line that sums it up. */
export function formatInspection(inspection: Inspection): string {
  const parameters = `${formatCount(inspection.total.parameters)} parameters`;
  const summary = `input ${describeInput(inspection)}; ${parameters} in ${describeSize(inspection)}`;
  return `${formatTable(inspectionTable(inspection))}\n\n${summary}`;
}

/** One operation a line, and one for all; the last column is the longest. */
export function inspectionTable({ nodes, total }: Inspection): TextTable {
  return {
    heading: HEADING,
    alignments: ALIGNMENTS,
    rows: nodes.map((node) => [node.name, node.op, ...sizeCells(node), node.description]),
    total: ["total", "", ...sizeCells(total), ""],
  };
}

/** Shape of a batch: `[batch, 28, 28, 1]`. */
export function describeInput({ inputShape }: Inspection): string {
  return `[batch, ${inputShape?.map((size) => size ?? "any").join(", ") ?? "any shape"}]`;
}

/** Bytes as stored and as float32: `48.2 kB (48,168 bytes), 939 kB as float32: 19.5× smaller`. */
export function describeSize({ total, compression }: Inspection): string {
  const { byteLength, floatByteLength } = total;
  const stored = `${formatBytes(byteLength)} (${formatCount(byteLength)} bytes)`;
  const ratio = compression === undefined ? "" : `: ${formatRatio(floatByteLength, byteLength)} smaller`;
  return `${stored}, ${formatBytes(floatByteLength)} as float32${ratio}`;
}

function sizeCells({ parameters, trits, bitsPerWeight, byteLength, isExact }: SizeInspection): string[] {
  const shares = trits
    ? [trits.negative, trits.zero, trits.positive].map((share) => formatPercent(share))
    : ["", "", ""];
  const bits = bitsPerWeight === undefined ? "" : bitsPerWeight.toFixed(2);
  return [formatCount(parameters), ...shares, bits, formatCount(byteLength), isExact ? "yes" : "no"];
}
