/** The report of a conversion: what it cost in accuracy of weights and outputs, what it gained in bytes, layer by layer. */
import type { ConversionReport, LayerReport } from "../convert/conversion-report.ts";
import type { LayerCurve } from "../convert/plan-budget.ts";
import type { WeightSample } from "../convert/sample-layers.ts";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatPercent,
  formatRatio,
  formatSignificant,
} from "../core/number-format.ts";
import { visibleText } from "../core/visible-text.ts";
import { histogramSections } from "./histogram-sections.ts";
import { type Card, type Column, type Plot, renderReport, type Section, type TableSection } from "./html-report.ts";
import { barChart } from "./plots/bar-chart.ts";
import { histogram } from "./plots/histogram.ts";
import { type LineSeries, lineChart, type Point } from "./plots/line-chart.ts";

/** What the report is made of. */
export interface ConversionRecord {
  readonly report: ConversionReport;
  /** What layers would cost with other numbers of planes; empty where it was not measured. */
  readonly curves: readonly LayerCurve[];
  readonly samples: readonly WeightSample[];
  readonly generated?: Date | undefined;
}

const MOST_BARS = 24;
/** Two bars each. */
const MOST_PAIRS = 10;
/** What fits beside a bar. */
const MOST_NAME_LENGTH = 25;

/** Renders the report of a conversion as an HTML document. */
export function conversionReport({ report, curves, samples, generated }: ConversionRecord): string {
  const { source, out, sourceDescription, target, format } = report;
  return renderReport({
    title: `${baseName(source)} to ${baseName(out)}`,
    subtitle: `${sourceDescription}, converted to ${target} with ${format}`,
    generated,
    sections: [
      { kind: "headline", cards: headline(report) },
      ...noteSections(report),
      ...sizeSections(report, curves),
      layerTable(report),
      ...weightSections(samples),
    ],
  });
}

function headline({ total, fileBytes, kept, isLossless, layers, seconds }: ConversionReport): Card[] {
  const { before, after } = fileBytes;
  return [
    {
      label: "File",
      value: formatBytes(after),
      detail: `${formatBytes(before)} before${after < before ? `: ${formatRatio(before, after)} smaller` : ""}`,
    },
    {
      label: "Bits of a converted weight",
      value: total.bitsPerWeight === undefined ? "none" : total.bitsPerWeight.toFixed(2),
      detail: `${formatCount(total.weights)} weights in ${layers.length} tensors, scales included`,
    },
    ...(total.weightError === undefined
      ? []
      : [
          {
            label: "Weight error",
            value: formatPercent(total.weightError),
            detail: `of the size of the weights; cosine ${total.cosine?.toFixed(4) ?? "unknown"}`,
          },
        ]),
    proofCard(layers, isLossless),
    {
      label: "Kept as they were",
      value: formatBytes(kept.bytes),
      detail: `${kept.count} tensors; converted in ${formatDuration(seconds)}`,
    },
  ];
}

/** What reading the file back proved. */
function proofCard(layers: readonly LayerReport[], isLossless: boolean | undefined): Card {
  const rounded = layers.filter(({ proof }) => !proof.isLossless).length;
  const label = "Read back and compared";
  if (rounded > 0) {
    return { label, value: "Scales rounded", detail: `of ${rounded} tensors; all trits are equal`, verdict: "bad" };
  }
  if (isLossless === true) {
    return { label, value: "✓ Lossless", detail: "all trits and scales are those of the source", verdict: "good" };
  }
  return { label, value: "✓ As fitted", detail: "all trits and scales are those that were fitted", verdict: "good" };
}

function noteSections({ notes }: ConversionReport): Section[] {
  return notes.length === 0 ? [] : [{ kind: "text", title: "To know", paragraphs: notes.map(visibleText) }];
}

/** Size against error, and the layers that lost most and take most. */
function sizeSections(report: ConversionReport, curves: readonly LayerCurve[]): Section[] {
  const plots: Plot[] = [];
  const isCalibrated = report.layers.some(({ outputError }) => outputError !== undefined);
  const calibrated = "Calibrated planes lose more of the weights to lose less of the outputs.";
  const uniform = "Each point of the line gives every layer the same number of planes; what lies between is no file.";
  const caption = isCalibrated ? `${uniform} ${calibrated}` : uniform;
  if (curves.length > 0) plots.push({ svg: sizeChart(report, curves), caption });
  const fitted = report.layers.filter(({ weightError }) => weightError !== undefined);
  if (fitted.length > 0) plots.push({ svg: errorChart(fitted), isTall: fitted.length > MOST_PAIRS });
  if (isCalibrated) plots.push({ svg: outputChart(report.layers) });
  plots.push({ svg: bytesChart(report) });
  return [{ kind: "plots", title: "Size and error", plots }];
}

/** The error of all layers against the bytes they take, with 1, 2, ... planes each. */
function sizeChart({ total }: ConversionReport, curves: readonly LayerCurve[]): string {
  const most = Math.max(...curves.map(({ bytes }) => bytes.length));
  const weights = curves.reduce((sum, { squaredWeights }) => sum + squaredWeights, 0);
  const uniform = Array.from({ length: most }, (_, i): Point => {
    const errors = curves.reduce((sum, { errors }) => sum + errors[Math.min(i, errors.length - 1)], 0);
    return { x: sumOf(curves, ({ bytes }) => bytes[Math.min(i, bytes.length - 1)]), y: Math.sqrt(errors / weights) };
  });
  const chosen: LineSeries = { name: "this file", points: [{ x: total.bytesAfter, y: total.weightError ?? 0 }] };
  return lineChart({
    title: "Size against error",
    series: [{ name: `1 to ${most} planes everywhere`, points: uniform }, chosen],
    x: { label: "bytes of the converted weights", numbers: "bytes", includesZero: true },
    y: { label: "weight error, relative", numbers: "percent", includesZero: true },
  });
}

function errorChart(layers: readonly LayerReport[]): string {
  const worst = layers.toSorted((a, b) => (b.weightError ?? 0) - (a.weightError ?? 0)).slice(0, MOST_BARS);
  return barChart({
    title:
      layers.length > MOST_BARS ? `Weight error of the ${MOST_BARS} layers that lost most` : "Weight error by layer",
    label: "‖W − Ŵ‖ / ‖W‖",
    groups: worst.map(({ name }) => shortName(name)),
    series: [{ name: "this file", values: worst.map(({ weightError }) => weightError ?? 0), colorIndex: 1 }],
    format: (value) => formatPercent(value),
  });
}

/** What calibration gained, for the layers whose inputs there were. */
function outputChart(layers: readonly LayerReport[]): string {
  const calibrated = layers.filter(({ outputError }) => outputError !== undefined);
  const worst = calibrated.toSorted((a, b) => (b.outputError ?? 0) - (a.outputError ?? 0)).slice(0, MOST_PAIRS);
  const isCut = calibrated.length > worst.length;
  return barChart({
    title: isCut ? `Output error of the ${MOST_PAIRS} layers that lost most` : "Output error by layer",
    label: "‖(W − Ŵ)X‖ / ‖WX‖ on the calibration inputs X",
    groups: worst.map(({ name }) => shortName(name)),
    series: [
      { name: "data-free planes", values: worst.map(({ dataFreeOutputError }) => dataFreeOutputError ?? 0) },
      { name: "this file", values: worst.map(({ outputError }) => outputError ?? 0) },
    ],
    format: (value) => formatPercent(value),
  });
}

function bytesChart({ layers, total, kept }: ConversionReport): string {
  const largest = layers.toSorted((a, b) => b.bytesBefore - a.bytesBefore).slice(0, MOST_PAIRS);
  const rest = total.bytesAfter - sumOf(largest, ({ bytesAfter }) => bytesAfter);
  const restBefore = total.bytesBefore - sumOf(largest, ({ bytesBefore }) => bytesBefore);
  const rows = [
    ...largest.map(({ name, bytesBefore, bytesAfter }) => ({ name, bytesBefore, bytesAfter })),
    ...(layers.length > largest.length ? [{ name: "other layers", bytesBefore: restBefore, bytesAfter: rest }] : []),
    { name: "kept", bytesBefore: kept.bytes, bytesAfter: kept.bytes },
    { name: "total", bytesBefore: total.bytesBefore + kept.bytes, bytesAfter: total.bytesAfter + kept.bytes },
  ];
  return barChart({
    title: "Bytes before and after",
    label: "bytes; 1 kB = 1000 B",
    groups: rows.map(({ name }) => shortName(name)),
    series: [
      { name: "before", values: rows.map(({ bytesBefore }) => bytesBefore) },
      { name: "after", values: rows.map(({ bytesAfter }) => bytesAfter) },
    ],
    format: formatBytes,
    isLastTotal: true,
  });
}

function layerTable({ layers, total }: ConversionReport): TableSection {
  const hasOutputs = layers.some(({ outputError }) => outputError !== undefined);
  const number = (label: string): Column => ({ label, isNumber: true });
  const columns: Column[] = [
    ...[{ label: "Layer" }, { label: "Shape" }, { label: "From" }, { label: "To" }],
    ...[number("Error"), number("Cosine"), number("Zeros")],
    ...(hasOutputs ? [number("Output error"), number("Data-free")] : []),
    ...[number("Before"), number("After"), number("Bits"), { label: "Read back" }],
  ];
  const outputCells = ({ outputError, dataFreeOutputError }: LayerReport): string[] =>
    hasOutputs ? [orNone(outputError), orNone(dataFreeOutputError)] : [];
  return {
    ...{ kind: "table", title: "Layers", columns },
    rows: layers.map((layer) => [
      ...[layer.name, layer.shape.join("×"), layer.from, describeType(layer)],
      ...[orNone(layer.weightError), orNone(layer.cosine, 4), orNone(layer.sparsity, 3)],
      ...outputCells(layer),
      ...[
        formatBytes(layer.bytesBefore),
        formatBytes(layer.bytesAfter),
        layer.bitsPerWeight.toFixed(2),
        describeProof(layer),
      ],
    ]),
    totals: [
      ...["total", "", "", "", orNone(total.weightError), orNone(total.cosine, 4), orNone(total.sparsity, 3)],
      ...(hasOutputs ? ["", ""] : []),
      ...[formatBytes(total.bytesBefore), formatBytes(total.bytesAfter), total.bitsPerWeight?.toFixed(2) ?? "", ""],
    ],
  };
}

/** All trits are always equal, else there would be no file. */
function describeProof({ proof }: LayerReport): string {
  return proof.isLossless ? "✓ equal" : proof.text.replace(/^trits equal, /, "");
}

function describeType({ to, planes, quantizer }: LayerReport): string {
  const type = planes === undefined || planes === 1 ? to : `${to} × ${planes}`;
  return quantizer === undefined ? type : `${type}, ${quantizer}`;
}

function weightSections(samples: readonly WeightSample[]): Section[] {
  const plots = samples.flatMap(({ name, weights, trits, scales, planes }): Plot[] => {
    if (trits === undefined || scales === undefined) return [];
    const svg = histogram({ name, weights, trits, scales });
    return [{ svg, ...(planes > 1 && { caption: `the first of ${planes} planes` }) }];
  });
  return histogramSections(
    plots,
    "Float weights of the source, coloured by the trit each became; s is the scale. Of large layers some rows are shown.",
  );
}

function orNone(value: number | undefined, digits = 3): string {
  return value === undefined ? "–" : formatSignificant(value, digits);
}

function sumOf<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((sum, item) => sum + value(item), 0);
}

/** Charts have little room, and both ends of names tell layers apart. */
function shortName(name: string): string {
  const short = visibleText(name.replace(/^model\./, "").replace(/\.weight$/, ""));
  if (short.length <= MOST_NAME_LENGTH) return short;
  return `${short.slice(0, 10)}…${short.slice(11 - MOST_NAME_LENGTH)}`;
}

function baseName(path: string): string {
  return path.split(/[/\\]/).at(-1) ?? path;
}
