/** The report of the kernels: latency against the batch, shares of what the machine allows, memory of a layer. */
import type { Ceiling } from "../../src/cli/bench/ceiling.ts";
import type { KernelRecord } from "../../src/cli/bench/kernel-record.ts";
import { describeThreads } from "../../src/cli/bench/kernel-table.ts";
import type { LayerShape } from "../../src/cli/bench/problem.ts";
import type { Mode } from "../../src/cli/bench/timed-layer.ts";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatPercent,
  formatRatio,
  formatSignificant,
} from "../../src/core/number-format.ts";
import { formats } from "../../src/formats/index.ts";
import type { AxisOptions } from "../../src/report/drawing/axis.ts";
import { type Card, type Plot, renderReport, type Section } from "../../src/report/html-report.ts";
import { barChart } from "../../src/report/plots/bar-chart.ts";
import { type LineSeries, lineChart } from "../../src/report/plots/line-chart.ts";
import type { Machine } from "../machine.ts";

/** What a run of the bench found. */
export interface KernelResults {
  readonly machine: Machine;
  readonly date: Date;
  readonly ceilings: readonly Ceiling[];
  readonly records: readonly KernelRecord[];
  /** The shapes, in the order of the report. */
  readonly shapes: readonly LayerShape[];
  /** Peers that are not there, with the reason. */
  readonly absent: readonly string[];
  /** Backends of ours, each once; what is left are peers. */
  readonly ownBackends: readonly string[];
}

const FLOAT_BYTES = 4;
/** Kernels that never reach it would be lines along the axis. */
const LEAST_SHARE = 0.02;
const CHART_SIZE = { width: 560, height: 440 };
const BATCH_AXIS: AxisOptions = { label: "tokens of a product (M)", isLog: true, isTight: true };
const NONE = "–";

/** The report as an HTML document. */
export function kernelReport(results: KernelResults): string {
  const { machine, date, shapes } = results;
  const { cpu, cores, platform, node, commit } = machine;
  return renderReport({
    title: "Kernels against what the machine allows",
    subtitle: `${cpu}, ${cores} cores, ${platform}, Node ${node}, commit ${commit ?? "unknown"}`,
    generated: date,
    sections: [
      { kind: "headline", cards: results.ceilings.flatMap(ceilingCards) },
      ...shapes.toReversed().flatMap((shape, i) => shapeSections(results, shape, i > 0)),
      {
        kind: "plots",
        title: "Memory of a layer",
        columnCount: 1,
        plots: [{ svg: memoryChart(results) }],
      },
      ...absentSection(results.absent),
      figureTable(results.records),
    ],
  });
}

/** Time of a product against its tokens: the best kernel of each backend of ours, and the peers. */
export function latencyChart(results: KernelResults, shape: LayerShape, threads: number, mode: Mode): string {
  const { records, ownBackends } = results;
  const names = distinct(records.map(nameOf));
  const best = ownBackends.map((id) => names.find((name) => name.startsWith(`${id} `)));
  const peers = names.filter((name) => !isOurs(name, results));
  return lineChart({
    ...CHART_SIZE,
    title: `${titleOf(shape)}: time of a product, ${describeThreads(threads)}, ${mode}`,
    series: [
      ...seriesOf(best, results, { shape, threads, mode }, ({ microseconds }) => microseconds),
      ...seriesOf(peers, results, { shape, threads, mode }, ({ microseconds }) => microseconds).map((series) => ({
        ...series,
        isDashed: true,
      })),
    ].map((series, colorIndex) => ({ ...series, colorIndex })),
    x: BATCH_AXIS,
    y: { label: "microseconds, median", isLog: true },
  });
}

/** Share of what the machine allows against the tokens, of our kernels. */
function shareChart(results: KernelResults, shape: LayerShape, threads: number, mode: Mode): string {
  const names = distinct(results.records.map(nameOf)).filter((name) => isOurs(name, results));
  return lineChart({
    ...CHART_SIZE,
    title: `${titleOf(shape)}: share of the ceiling, ${describeThreads(threads)}, ${mode}`,
    series: seriesOf(names, results, { shape, threads, mode }, ({ shareOfCeiling }) => shareOfCeiling ?? Number.NaN)
      .filter(({ points }) => points.some(({ y }) => y >= LEAST_SHARE))
      .map((series, colorIndex) => ({ ...series, colorIndex })),
    x: BATCH_AXIS,
    y: { label: "share of what the machine allows", numbers: "percent", includesZero: true },
  });
}

/** Bytes of the weights of each shape, as files, kernels and peers have them. */
export function memoryChart(results: KernelResults): string {
  const { records, shapes } = results;
  const names = distinct(records.map(nameOf));
  const bytesOf = (name: string, [n, k]: LayerShape): number =>
    records.find((record) => nameOf(record) === name && record.n === n && record.k === k)?.byteLength ?? 0;
  const floatBytes = ([n, k]: LayerShape): number => n * k * FLOAT_BYTES;
  // Float peers have the bytes of the first row.
  const peers = names.filter((name) => !isOurs(name, results) && bytesOf(name, shapes[0]) < floatBytes(shapes[0]));
  const ours = names.filter((name) => isOurs(name, results)).slice(0, 1);
  const rows = [
    { name: "float32", bytes: floatBytes },
    ...peers.map((name) => ({ name, bytes: (shape: LayerShape) => bytesOf(name, shape) })),
    ...ours.map((name) => ({ name: "bitlinear, in memory", bytes: (shape: LayerShape) => bytesOf(name, shape) })),
    {
      name: `bitlinear, in a file (${formats[0].id})`,
      bytes: ([outFeatures, inFeatures]: LayerShape) => formats[0].byteLength({ outFeatures, inFeatures }),
    },
  ];
  return barChart({
    title: "Memory of the weights",
    label: "bytes; 1 MB = 1,000,000 B",
    width: 1000,
    groups: shapes.map(titleOf),
    series: rows.map(({ name, bytes }) => ({
      name,
      values: shapes.map(bytes),
      labels: shapes.map((shape) => describeBytes(bytes(shape), shape)),
    })),
    format: formatBytes,
  });
}

function describeBytes(bytes: number, [n, k]: LayerShape): string {
  if (bytes === 0) return NONE;
  const floats = n * k * FLOAT_BYTES;
  return bytes < floats ? `${formatBytes(bytes)} (${formatRatio(floats, bytes)} smaller)` : formatBytes(bytes);
}

function ceilingCards({ threads, dramReadGBps, int8DotGops }: Ceiling): Card[] {
  const known = (value: number | null, unit: string) => (value === null ? NONE : `${formatSignificant(value)} ${unit}`);
  return [
    { label: "Memory reads", value: known(dramReadGBps, "GB/s"), detail: describeThreads(threads) },
    { label: "Int8 products", value: known(int8DotGops, "GOP/s"), detail: describeThreads(threads) },
  ];
}

function shapeSections(results: KernelResults, shape: LayerShape, isCollapsed: boolean): Section[] {
  const plots = results.ceilings.flatMap(({ threads }): Plot[] =>
    (["cold", "warm"] as const)
      .filter((mode) => batchesOf(results, { shape, threads, mode }) > 1)
      .flatMap((mode): Plot[] => [
        { svg: latencyChart(results, shape, threads, mode) },
        { svg: shareChart(results, shape, threads, mode) },
      ]),
  );
  if (plots.length === 0) return [];
  const note =
    "Cold: weights come from memory, and the ceiling of one token is what memory reads. Warm: weights stay in the caches. " +
    "Everywhere else the ceiling is the peak of int8 products in registers.";
  return [{ kind: "plots", title: titleOf(shape), isCollapsed, note, plots }];
}

/** Some of the records. */
interface Selection {
  readonly shape: LayerShape;
  readonly threads: number;
  readonly mode: Mode;
}

function select({ records }: KernelResults, { shape: [n, k], threads, mode }: Selection): KernelRecord[] {
  return records.filter(
    (record) => record.n === n && record.k === k && record.threads === threads && record.mode === mode,
  );
}

function batchesOf(results: KernelResults, selection: Selection): number {
  return new Set(select(results, selection).map(({ m }) => m)).size;
}

/** A line for each kernel that was timed. */
function seriesOf(
  names: readonly (string | undefined)[],
  results: KernelResults,
  selection: Selection,
  value: (record: KernelRecord) => number,
): LineSeries[] {
  const shown = select(results, selection);
  return names.flatMap((name): LineSeries[] => {
    const points = shown
      .filter((record) => nameOf(record) === name)
      .map((record) => ({ x: record.m, y: value(record) }));
    return name === undefined || points.length === 0 ? [] : [{ name, points }];
  });
}

/** Whether it is the name of one of our kernels. */
function isOurs(name: string, { ownBackends }: KernelResults): boolean {
  return ownBackends.some((id) => name.startsWith(`${id} `));
}

function absentSection(absent: readonly string[]): Section[] {
  return absent.length === 0 ? [] : [{ kind: "text", title: "Not compared with", paragraphs: absent }];
}

function figureTable(records: readonly KernelRecord[]): Section {
  return {
    ...{ kind: "table", title: "All figures", isCollapsed: true },
    columns: [
      ...["Kernel", "Out × in", "Weights"].map((label) => ({ label })),
      ...["Threads", "M", "Median", "Lowest", "Highest", "GOP/s", "GB/s", "Of ceiling"].map((label) => ({
        ...{ label, isNumber: true },
      })),
    ],
    rows: records.map((record) => [
      ...[nameOf(record), titleOf([record.n, record.k]), record.mode],
      ...[formatCount(record.threads), formatCount(record.m)],
      ...[record.microseconds, ...record.spread].map((microseconds) => formatDuration(microseconds / 1e6)),
      ...[formatSignificant(record.gops), formatSignificant(record.packedGBps)],
      record.shareOfCeiling === null ? NONE : formatPercent(record.shareOfCeiling, 0),
    ]),
  };
}

function nameOf({ backend, kernel }: KernelRecord): string {
  return `${backend} ${kernel}`;
}

function titleOf([n, k]: LayerShape): string {
  return `${n} × ${k}`;
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)];
}
