/** Lines over a common axis: learning curves, latency against batch. */
import { line } from "d3-shape";
import { formatValue } from "../../core/number-format.ts";
import { type Axis, type AxisOptions, canDraw, layOutAxis } from "../drawing/axis.ts";
import {
  type Area,
  BELOW_TITLE,
  BOTTOM_MARGIN,
  DASHES,
  drawAxes,
  drawEmpty,
  drawLegend,
  drawPlot,
  LINE_HEIGHT,
  leftMargin,
  rightMargin,
} from "../drawing/frame.ts";
import { type Markup, markup } from "../drawing/markup.ts";
import { fitText, textWidth } from "../drawing/text-width.ts";
import { color, seriesColor } from "../drawing/theme.ts";

/** A point of a series; a value that cannot be drawn (NaN, infinite, not positive on a logarithmic axis) is a gap. */
export interface Point {
  x: number;
  y: number;
}

/** One line. */
export interface LineSeries {
  name: string;
  points: readonly Point[];
  /** Index of its colour; default its place among the series. */
  colorIndex?: number;
  isDashed?: boolean;
}

/** A straight line across the plot at a value of one axis; left out where the value cannot be drawn. */
export interface ReferenceLine {
  axis: "x" | "y";
  value: number;
  label: string;
}

/** A shaded band across the plot between two values of one axis; left out where a value cannot be drawn. */
export interface ReferenceArea {
  axis: "x" | "y";
  from: number;
  to: number;
  label: string;
}

/** What a line chart shows. */
export interface LineChart {
  title: string;
  series: readonly LineSeries[];
  x: AxisOptions;
  y: AxisOptions;
  lines?: readonly ReferenceLine[];
  areas?: readonly ReferenceArea[];
  /** In pixels; default 500. */
  width?: number;
  /** In pixels; default 320. */
  height?: number;
}

/** With more points than this in a series, its points are not marked one by one. */
const MOST_MARKERS = 40;

/** Draws a line chart as an SVG document. */
export function lineChart(chart: LineChart): string {
  const { title, series, width = 500, height = 320 } = chart;
  const isOnAxis = (axis: "x" | "y", value: number) => canDraw(value, chart[axis].isLog);
  const isDrawable = (point: Point) => isOnAxis("x", point.x) && isOnAxis("y", point.y);
  const lines = (chart.lines ?? []).filter(({ axis, value }) => isOnAxis(axis, value));
  const areas = (chart.areas ?? []).filter(({ axis, from, to }) => isOnAxis(axis, from) && isOnAxis(axis, to));
  const references = [
    ...lines.map(({ axis, value }) => ({ axis, value })),
    ...areas.flatMap(({ axis, from, to }) => [from, to].map((value) => ({ axis, value }))),
  ];
  const valuesOf = (axis: "x" | "y") => [
    ...series.flatMap(({ points }) => points.map((point) => point[axis])),
    ...references.filter((reference) => reference.axis === axis).map(({ value }) => value),
  ];

  const legend = drawLegend(
    series.map(({ name, isDashed, colorIndex }, index) => ({
      label: name,
      color: seriesColor(colorIndex ?? index),
      shape: isDashed ? "dashes" : "line",
    })),
    width,
  );
  const top = BELOW_TITLE + legend.height + 16;
  const bottom = height - BOTTOM_MARGIN;
  const y = layOutAxis(valuesOf("y"), [bottom, top], chart.y);
  const left = leftMargin(y);
  const right = width - rightMargin(layOutAxis(valuesOf("x"), [left, width], chart.x));
  const area: Area = { left, top, right, bottom };
  const x = layOutAxis(valuesOf("x"), [left, right], chart.x);

  const pointCount = series.reduce((count, { points }) => count + points.length, 0);
  const drawnCount = series.reduce((count, { points }) => count + points.filter(isDrawable).length, 0);
  const missing = pointCount - drawnCount;
  const note = missing > 0 ? describeMissing(missing, chart) : "";

  return drawPlot({
    title,
    summary: summarize(chart, isDrawable),
    width,
    height,
    content: markup`${legend.content}
${areas.map((reference) => drawReferenceArea(reference, area, x, y))}
${drawAxes(area, x, { ...y, label: fitText(y.label, right - textWidth(note) - 12) })}
${series.map((one, index) => drawSeries(one, seriesColor(one.colorIndex ?? index), { x, y, isDrawable, chart }))}
${lines.map((reference) => drawReferenceLine(reference, area, x, y))}
${drawnCount === 0 && drawEmpty(area, "no data")}
${missing > 0 && markup`<text class="muted end" x="${right}" y="${top - 12}">${note}</text>`}`,
  });
}

function drawSeries(
  series: LineSeries,
  stroke: string,
  { x, y, isDrawable, chart }: { x: Axis; y: Axis; isDrawable: (point: Point) => boolean; chart: LineChart },
): Markup {
  const path = line<Point>()
    .defined(isDrawable)
    .x((point) => x.position(point.x))
    .y((point) => y.position(point.y))(series.points);
  const marked = series.points.length <= MOST_MARKERS ? series.points.filter(isDrawable) : [];
  const markers = marked.map(
    (point) =>
      markup`<circle cx="${x.position(point.x)}" cy="${y.position(point.y)}" r="3.5" fill="${stroke}" stroke="${color("panel")}" stroke-width="1.5"><title>${series.name}, ${chart.x.label} ${formatValue(point.x, chart.x.numbers)}: ${formatValue(point.y, chart.y.numbers)}</title></circle>`,
  );
  return markup`<g><path d="${path ?? ""}" fill="none" stroke="${stroke}" stroke-width="2" stroke-linejoin="round" stroke-linecap="round"${series.isDashed && DASHES}/>${markers}</g>`;
}

function drawReferenceLine(reference: ReferenceLine, area: Area, x: Axis, y: Axis): Markup {
  const label = fitText(reference.label, (area.right - area.left) * 0.45); // an x line may stand in the middle
  if (reference.axis === "y") {
    const position = y.position(reference.value);
    return markup`<line x1="${area.left}" x2="${area.right}" y1="${position}" y2="${position}" stroke="${color("muted")}"${DASHES}/><text class="muted end halo" x="${area.right}" y="${position - 5}">${label}</text>`;
  }
  const position = x.position(reference.value);
  const isNearEnd = position + 6 + textWidth(label) > area.right;
  return markup`<line x1="${position}" x2="${position}" y1="${area.top}" y2="${area.bottom}" stroke="${color("muted")}"${DASHES}/><text class="muted halo${isNearEnd && " end"}" x="${position + (isNearEnd ? -6 : 6)}" y="${area.top + 12}">${label}</text>`;
}

function drawReferenceArea({ axis, from, to, label }: ReferenceArea, area: Area, x: Axis, y: Axis): Markup {
  const along = axis === "x" ? x : y;
  const [start, end] = [along.position(from), along.position(to)].sort((a, b) => a - b);
  const [left, right, top, bottom] =
    axis === "x" ? [start, end, area.top, area.bottom] : [area.left, area.right, start, end];
  return markup`<rect x="${left}" y="${top}" width="${right - left}" height="${bottom - top}" fill="${color("muted")}" fill-opacity="0.14"/><text class="muted halo" x="${left + 6}" y="${top + LINE_HEIGHT - 4}">${fitText(label, area.right - left - 6)}</text>`;
}

function summarize({ series, x, y }: LineChart, isDrawable: (point: Point) => boolean): string {
  const ends = series.map(({ name, points }) => {
    const last = points.findLast(isDrawable);
    return last === undefined
      ? `${name}: no data`
      : `${name}: ${formatValue(last.y, y.numbers)} at ${x.label} ${formatValue(last.x, x.numbers)}`;
  });
  return `${y.label} against ${x.label}. ${ends.join("; ")}`;
}

function describeMissing(count: number, { x, y }: LineChart): string {
  const reason = x.isLog || y.isLog ? "not finite or not positive" : "not finite";
  return count === 1 ? `1 value is ${reason}` : `${count} values are ${reason}`;
}
