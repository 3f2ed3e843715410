/** The report of a file of tensors: what it holds, and how the weights of its layers are distributed. */
import type { CheckpointInspection, TensorInspection } from "../convert/inspect-checkpoint.ts";
import type { WeightSample } from "../convert/sample-layers.ts";
import { formatBytes, formatCount, formatPercent, formatSignificant } from "../core/number-format.ts";
import { type Card, type Plot, renderReport, type Section, type TableSection } from "./html-report.ts";
import { barChart } from "./plots/bar-chart.ts";
import { histogram } from "./plots/histogram.ts";
import { lineChart } from "./plots/line-chart.ts";

/** What the report is made of. */
export interface CheckpointRecord {
  readonly file: string;
  readonly inspection: CheckpointInspection;
  readonly samples: readonly WeightSample[];
  readonly generated?: Date | undefined;
}

/** Of -1, 0 and +1: those that histograms have. */
const TRIT_COLORS: readonly number[] = [0, 5, 1];
const MOST_BARS = 24;
const BINS = 60;

/** Renders the report of a file as an HTML document. */
export function checkpointReport({ file, inspection, samples, generated }: CheckpointRecord): string {
  const { description, findings } = inspection;
  return renderReport({
    title: file.split(/[/\\]/).at(-1) ?? file,
    subtitle: description,
    generated,
    sections: [
      { kind: "headline", cards: headline(inspection) },
      ...(findings.length === 0 ? [] : [{ kind: "text", title: "To know", paragraphs: findings } as const]),
      ...chartSections(inspection),
      tensorTable(inspection),
      ...weightSections(samples),
    ],
  });
}

function headline({ tensors, total }: CheckpointInspection): Card[] {
  const { values, fileByteLength, ternaryWeights, ternaryBytes, trits } = total;
  const all = trits === undefined ? 0 : trits[0] + trits[1] + trits[2];
  return [
    { label: "File", value: formatBytes(fileByteLength), detail: `${formatCount(fileByteLength)} bytes` },
    { label: "Values", value: formatCount(values), detail: `in ${formatCount(tensors.length)} tensors` },
    {
      label: "Ternary weights",
      value: formatCount(ternaryWeights),
      detail: ternaryWeights === 0 ? "none" : `in ${formatBytes(ternaryBytes)}`,
    },
    ...(trits === undefined || all === 0
      ? []
      : [
          {
            label: "Bits of a ternary weight",
            value: ((ternaryBytes * 8) / ternaryWeights).toFixed(2),
            detail: `scales included; ${formatPercent(trits[1] / all)} of the trits are 0`,
          },
        ]),
  ];
}

function chartSections({ tensors }: CheckpointInspection): Section[] {
  const largest = tensors.toSorted((a, b) => b.byteLength - a.byteLength).slice(0, MOST_BARS);
  const ternary = tensors.filter(({ trits }) => trits !== undefined).slice(0, MOST_BARS);
  const bytes = barChart({
    title: largest.length < tensors.length ? `Bytes of the ${largest.length} largest tensors` : "Bytes",
    label: "bytes; 1 kB = 1000 B",
    groups: largest.map(({ name }) => shortName(name)),
    series: [{ name: "stored", values: largest.map(({ byteLength }) => byteLength) }],
    format: formatBytes,
  });
  const plots: Plot[] = [{ svg: bytes }];
  if (ternary.length > 0) plots.push({ svg: sharesChart(ternary) });
  return [{ kind: "plots", title: "Sizes and trits", plots }];
}

function sharesChart(ternary: readonly TensorInspection[]): string {
  const share = ({ trits = [0, 0, 0] }: TensorInspection, digit: number): number =>
    trits[digit] / Math.max(1, trits[0] + trits[1] + trits[2]);
  return barChart({
    title: "Shares of trits",
    label: "share of all trits of a tensor",
    groups: ternary.map(({ name }) => shortName(name)),
    series: ["−1", "0", "+1"].map((name, digit) => ({
      name,
      values: ternary.map((each) => share(each, digit)),
      colorIndex: TRIT_COLORS[digit],
    })),
    format: (value) => formatPercent(value),
  });
}

function tensorTable({ tensors }: CheckpointInspection): TableSection {
  return {
    ...{ kind: "table", title: "Tensors" },
    columns: [
      ...[{ label: "Tensor" }, { label: "Shape" }, { label: "Type" }],
      ...["−1", "0", "+1"].map((label) => ({ label, isNumber: true })),
      ...[{ label: "Scales" }, { label: "Bits", isNumber: true }, { label: "Bytes", isNumber: true }],
    ],
    rows: tensors.map((tensor) => [
      ...[tensor.name, tensor.shape.join("×")],
      tensor.planes === undefined || tensor.planes === 1 ? tensor.type : `${tensor.type} × ${tensor.planes}`,
      ...shareCells(tensor),
      describeScales(tensor),
      ...[tensor.bitsPerWeight?.toFixed(2) ?? "–", formatCount(tensor.byteLength)],
    ]),
  };
}

function shareCells({ trits }: TensorInspection): string[] {
  if (trits === undefined) return ["–", "–", "–"];
  return trits.map((count) => formatPercent(count / (trits[0] + trits[1] + trits[2])));
}

function describeScales({ scales }: TensorInspection): string {
  if (scales === undefined) return "–";
  const { count, smallest, largest } = scales;
  const range = [smallest, largest].map((scale) => formatSignificant(scale));
  return `${formatCount(count)}: ${range[0] === range[1] ? range[0] : range.join(" to ")}`;
}

function weightSections(samples: readonly WeightSample[]): Section[] {
  if (samples.length === 0) return [];
  return [
    {
      kind: "plots",
      title: "Weights",
      note: "Ternary weights multiplied out, coloured by their trits; s is the scale. Of large tensors some rows are shown.",
      columnCount: 3,
      plots: samples.map((sample): Plot => ({ svg: drawSample(sample) })),
    },
  ];
}

function drawSample({ name, weights, trits, scales }: WeightSample): string {
  if (trits !== undefined && scales !== undefined) return histogram({ name, weights, trits, scales });
  return lineChart({
    title: name,
    series: [{ name: "values", points: densityOf(weights) }],
    x: { label: "value", isTight: true },
    y: { label: "share of values in a bin", numbers: "percent", includesZero: true },
    ...{ width: 320, height: 300 },
  });
}

/** Shares of values in bins from the smallest to the largest that is a number. */
function densityOf(values: Float32Array): { x: number; y: number }[] {
  const finite = values.filter(Number.isFinite);
  const low = finite.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const high = finite.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const width = (high - low) / BINS || 1;
  const counts = new Uint32Array(BINS);
  for (const value of finite) counts[Math.min(BINS - 1, Math.floor((value - low) / width))]++;
  return Array.from(counts, (count, bin) => ({ x: low + (bin + 0.5) * width, y: count / Math.max(1, finite.length) }));
}

/** Charts have little room, and the ends of names tell layers apart. */
function shortName(name: string): string {
  return name.replace(/^model\./, "").replace(/\.weight$/, "");
}
