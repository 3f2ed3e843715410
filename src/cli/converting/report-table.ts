/** The report of a conversion as text. */
import type { ConversionReport, LayerReport, ReportTotal } from "../../convert/conversion-report.ts";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatPercent,
  formatRatio,
  formatSignificant,
} from "../../core/number-format.ts";
import { formatShape } from "../../core/shape.ts";
import { type Alignment, formatTable } from "../../core/text-table.ts";
import { counted } from "../counted.ts";

/** Less would be shown as 1.0. */
const LEAST_RATIO = 1.05;

type Figures = Pick<
  ReportTotal,
  "weightError" | "cosine" | "sparsity" | "bytesBefore" | "bytesAfter" | "bitsPerWeight"
>;

/** One layer a line, with the columns that any of them fills, and the sums. */
export function reportTable({ layers, total }: ConversionReport): string {
  const hasOutputs = layers.some(({ outputError }) => outputError !== undefined);
  const outputHeads = hasOutputs ? ["output error", "data-free"] : [];
  const heading = [
    "layer",
    "shape",
    "from",
    "to",
    "error",
    "cosine",
    "zeros",
    ...outputHeads,
    "bytes",
    "after",
    "bits",
    "read back",
  ];
  const left = ["layer", "shape", "from", "to", "read back"];
  const alignments = heading.map((name): Alignment => (left.includes(name) ? "left" : "right"));
  return formatTable({
    heading,
    alignments,
    rows: layers.map((layer) => [
      ...[layer.name, formatShape(layer.shape), layer.from, describeType(layer)],
      ...figureCells(layer, hasOutputs ? [orEmpty(layer.outputError), orEmpty(layer.dataFreeOutputError)] : []),
      layer.proof.text,
    ]),
    total: [
      "total",
      "",
      "",
      "",
      ...figureCells(
        total,
        outputHeads.map(() => ""),
      ),
      "",
    ],
  });
}

/** What the whole conversion came to, a line each. */
export function reportSummary(report: ConversionReport): string[] {
  const { total, kept, fileBytes, layers, seconds, resumedTensors } = report;
  const isSmaller = fileBytes.before / fileBytes.after >= LEAST_RATIO;
  const ratio = isSmaller ? `: ${formatRatio(fileBytes.before, fileBytes.after)} smaller` : "";
  return [
    `converted: ${counted(layers.length, "tensor")} of ${formatCount(total.weights)} weights, ${formatBytes(total.bytesBefore)} to ${formatBytes(total.bytesAfter)}; kept: ${counted(kept.count, "tensor")}, ${formatBytes(kept.bytes)}`,
    `file: ${formatBytes(fileBytes.before)} to ${formatBytes(fileBytes.after)}${ratio}`,
    describeProof(report),
    `time: ${formatDuration(seconds)}${resumedTensors === 0 ? "" : `, ${counted(resumedTensors, "tensor")} finished before`}`,
  ];
}

/** Whether anything was lost that was ternary, or what floats lost. */
function describeProof({ isLossless, layers, total }: ConversionReport): string {
  if (layers.length === 0) return "written: proved, all tensors were read back and are equal";
  const rounded = layers.filter(({ proof }) => !proof.isLossless);
  const lost = total.weightError === undefined ? "" : `weight error ${formatPercent(total.weightError, 2)}; `;
  if (isLossless === true && rounded.length === 0)
    return `lossless: proved, ${lost}all trits and scales were read back and compared`;
  if (rounded.length === 0) return `written: proved, ${lost}all trits and scales read back are those that were fitted`;
  return `rounded: ${lost}scales of ${counted(rounded.length, "tensor")} had to be rounded to what the format holds; all trits are proved equal`;
}

function describeType({ to, planes, quantizer }: LayerReport): string {
  const type = planes === undefined || planes === 1 ? to : `${to} x ${planes}`;
  return quantizer === undefined ? type : `${type} by ${quantizer}`;
}

function figureCells(
  { weightError, cosine, sparsity, bytesBefore, bytesAfter, bitsPerWeight }: Figures,
  outputs: readonly string[],
): string[] {
  return [
    orEmpty(weightError),
    cosine === undefined ? "" : cosine.toFixed(4),
    sparsity === undefined ? "" : formatPercent(sparsity),
    ...outputs,
    formatCount(bytesBefore),
    formatCount(bytesAfter),
    bitsPerWeight === undefined ? "" : bitsPerWeight.toFixed(2),
  ];
}

function orEmpty(value: number | undefined): string {
  return value === undefined ? "" : formatSignificant(value);
}
