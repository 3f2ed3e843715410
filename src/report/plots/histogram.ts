/** The weights of a layer, coloured by the trit each of them became. */
import { ShapeError } from "../../core/errors.ts";
import { formatCount, formatPercent, formatSignificant } from "../../core/number-format.ts";
import { type Axis, canDraw, layOutAxis } from "../drawing/axis.ts";
import {
  type Area,
  BELOW_TITLE,
  BOTTOM_MARGIN,
  drawAxes,
  drawEmpty,
  drawLegend,
  drawPlot,
  LINE_HEIGHT,
} from "../drawing/frame.ts";
import { type Markup, markup } from "../drawing/markup.ts";
import { textWidth } from "../drawing/text-width.ts";
import { type ColorName, color } from "../drawing/theme.ts";

/** The float weights of a layer and what they were quantized to. */
export interface LayerWeights {
  name: string;
  /** Float weights before quantization, `[outFeatures, inFeatures]`. */
  weights: Float32Array;
  /** -1, 0 or +1 for each weight. */
  trits: Int8Array;
  /** One scale for the layer or one per row. */
  scales: Float32Array;
}

/** What a histogram shows. */
export interface Histogram extends LayerWeights {
  /** Default the name of the layer. */
  title?: string;
  /** Default 60; an even number puts an edge at zero. */
  binCount?: number;
  /** In pixels; default 320. */
  width?: number;
  /** In pixels; default 300. */
  height?: number;
}

/** From one number to another, both included. */
type Range = readonly [number, number];

/** In the order of the legend and, from the bottom, of the stacked bars. */
const TRITS: readonly { label: string; color: ColorName }[] = [
  { label: "−1", color: "minus" },
  { label: "0", color: "zero" },
  { label: "+1", color: "plus" },
];

const LEFT_MARGIN = 44;

/**
 * Draws the histogram as an SVG document: bins stacked by trit, the levels -s, 0 and +s as dashed lines, and the
 * thresholds, read off the data, as dotted lines (as bands where the rows of a per-channel layer differ).
 *
 * @throws ShapeError when the sizes disagree or a trit is not -1, 0 or +1
 */
export function histogram(layer: Histogram): string {
  const { name, weights, trits, scales, title = name, binCount = 60, width = 320, height = 300 } = layer;
  const shares = tritShares(layer);
  const thresholds = [thresholdRange(layer, -1), thresholdRange(layer, 1)].filter((range) => range !== undefined);
  const scaleRange = rangeOf(scales);

  const legendTop = BELOW_TITLE + 2 * LINE_HEIGHT + 6;
  const legend = drawLegend(
    TRITS.map(({ label, color: name }, i) => ({
      label: `${label}: ${formatPercent(shares[i])}`,
      color: color(name),
      shape: "square",
    })),
    width,
    legendTop,
  );

  const area: Area = {
    left: LEFT_MARGIN,
    right: width - 8,
    top: legendTop + legend.height + 34,
    bottom: height - BOTTOM_MARGIN,
  };
  const edge = axisEdge(weights, scaleRange);
  const x = layOutAxis([-edge, edge], [area.left, area.right], {
    isTight: true,
    label: describeWeightAxis(weights, edge),
  });
  const bins = countBins(weights, trits, x.domain, binCount);
  const y = layOutAxis(stackHeights(bins), [area.bottom, area.top], {
    label: "weights per bin",
    includesZero: true,
    isWhole: true,
  });

  const levels: readonly Mark[] = scaleRange
    ? [
        { label: "−s", range: [-scaleRange[1], -scaleRange[0]] },
        { label: "0", range: [0, 0] },
        { label: "+s", range: scaleRange },
      ]
    : [];
  return drawPlot({
    title,
    summary: TRITS.map(({ label }, i) => `${label}: ${formatPercent(shares[i])}`).join(", "),
    width,
    height,
    content: markup`<text class="muted" x="0" y="${BELOW_TITLE}">${describeWeights(weights, scales, scaleRange)}</text>
<text class="muted" x="0" y="${BELOW_TITLE + LINE_HEIGHT}">${describeThresholds(thresholds)}</text>
${legend.content}
${drawAxes({ ...area, top: area.top - 16 }, x, y)}
${bins.map((_, trit) => drawBars(bins, trit, x, y))}
${thresholds.map((range) => drawMark({ range }, area, x))}
${spreadLabels(levels, x).map((level) => drawMark(level, area, x))}
${weights.length === 0 && drawEmpty(area, "no weights")}`,
  });
}

/** Checks the layer, and gives the share of each trit, in the order -1, 0, +1. */
function tritShares({ name, weights, trits, scales }: LayerWeights): readonly number[] {
  if (trits.length !== weights.length) {
    throw new ShapeError(`layer ${name} has ${weights.length} weights, so it needs as many trits, got ${trits.length}`);
  }
  if (scales.length === 0 || weights.length % scales.length !== 0) {
    throw new ShapeError(`layer ${name}: scales must hold 1 value or one per row, got ${scales.length}`);
  }
  const counts = [0, 0, 0];
  for (const trit of trits) {
    if (trit < -1 || trit > 1) throw new ShapeError(`layer ${name}: a trit must be -1, 0 or 1, got ${trit}`);
    counts[trit + 1]++;
  }
  return counts.map((count) => (trits.length > 0 ? count / trits.length : 0));
}

/**
 * Where weights of one sign begin to be nonzero: the middle of the gap between zeros and the sign's trits, or from the
 * innermost of these to the outermost zero where they overlap; `undefined` where either is absent.
 */
function thresholdRange({ weights, trits }: LayerWeights, sign: -1 | 1): Range | undefined {
  let innermost = Number.POSITIVE_INFINITY;
  let outermostZero = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < weights.length; i++) {
    const distance = weights[i] * sign;
    if (trits[i] === sign && distance < innermost) innermost = distance;
    if (trits[i] === 0 && distance > outermostZero) outermostZero = distance;
  }
  if (!Number.isFinite(innermost) || !Number.isFinite(outermostZero)) return undefined;
  const middle = (innermost + outermostZero) / 2;
  const range: [number, number] = outermostZero <= innermost ? [middle, middle] : [innermost, outermostZero];
  return sign > 0 ? range : [-range[1], -range[0]];
}

/** Smallest and largest magnitude of the scales. */
function rangeOf(scales: Float32Array): Range | undefined {
  const magnitudes = scales.map(Math.abs).filter((scale) => canDraw(scale));
  if (magnitudes.length === 0) return undefined;
  return [magnitudes.reduce((a, b) => Math.min(a, b)), magnitudes.reduce((a, b) => Math.max(a, b))];
}

/** Half the width of the axis: all weights, unless a few outliers would squeeze the rest; then all but 0.2 %. */
function axisEdge(weights: Float32Array, scaleRange: Range | undefined): number {
  const stride = Math.ceil(weights.length / 100_000); // the quantile of a sample is near enough to place an edge
  const sample = weights
    .filter((weight, i) => i % stride === 0 && canDraw(weight))
    .map(Math.abs)
    .sort();
  const largest = weights.reduce((most, weight) => (canDraw(weight) ? Math.max(most, Math.abs(weight)) : most), 0);
  const usual = sample.length > 0 ? 1.1 * sample[Math.floor((sample.length - 1) * 0.998)] : 0;
  const levels = 1.2 * (scaleRange?.[1] ?? 0);
  return Math.max(levels, Math.min(usual, largest)) || 1;
}

/** Counts of weights, `[trit + 1][bin]`. */
function countBins(weights: Float32Array, trits: Int8Array, [low, high]: Range, binCount: number): Uint32Array[] {
  const bins = TRITS.map(() => new Uint32Array(binCount));
  for (let i = 0; i < weights.length; i++) {
    const bin = Math.floor(((weights[i] - low) / (high - low)) * binCount);
    if (bin >= 0 && bin < binCount) bins[trits[i] + 1][bin]++;
    else if (weights[i] === high) bins[trits[i] + 1][binCount - 1]++;
  }
  return bins;
}

function stackHeights(bins: readonly Uint32Array[]): number[] {
  return Array.from(bins[0], (_, bin) => bins.reduce((height, counts) => height + counts[bin], 0));
}

/** The bars of one trit, on top of those of the trits before it, as a single path. */
function drawBars(bins: readonly Uint32Array[], trit: number, x: Axis, y: Axis): Markup {
  const below = stackHeights(bins.slice(0, trit + 1));
  const step = (x.position(x.domain[1]) - x.position(x.domain[0])) / below.length;
  const width = (step * 0.88).toFixed(2);
  let path = "";
  for (let bin = 0; bin < below.length; bin++) {
    const count = bins[trit][bin];
    if (count === 0) continue;
    const left = x.position(x.domain[0]) + step * (bin + 0.06);
    const height = y.position(0) - y.position(count);
    path += `M${left.toFixed(2)},${y.position(below[bin]).toFixed(2)}h${width}v${height.toFixed(2)}h-${width}z`;
  }
  return markup`<path d="${path}" fill="${color(TRITS[trit].color)}"/>`;
}

/** A place on the weight axis; levels have a label, thresholds none. */
interface Mark {
  range: Range;
  label?: string;
}

/** The levels with their labels, or with a single one where their labels would run into each other. */
function spreadLabels(levels: readonly Mark[], x: Axis): readonly Mark[] {
  if (levels.length < 3) return levels;
  const [minus, zero, plus] = levels;
  const middles = levels.map(({ range }) => (x.position(range[0]) + x.position(range[1])) / 2);
  if (middles[2] - middles[1] > textWidth("+s")) return levels;
  return [
    { ...minus, label: "" },
    { ...zero, label: "−s, 0, +s" },
    { ...plus, label: "" },
  ];
}

function drawMark({ range, label }: Mark, { top, bottom }: Area, x: Axis): Markup {
  const [start, end] = [x.position(range[0]), x.position(range[1])];
  const stroke = markup`stroke="${color(label === undefined ? "muted" : "ink")}" stroke-dasharray="${label === undefined ? "2 3" : "5 4"}"`;
  const place =
    end - start < 1
      ? markup`<line x1="${start}" x2="${start}" y1="${top}" y2="${bottom}" ${stroke}/>`
      : markup`<rect x="${start}" y="${top}" width="${end - start}" height="${bottom - top}" fill="${color("ink")}" fill-opacity="0.06" ${stroke}/>`;
  const text =
    label !== undefined && markup`<text class="middle" x="${(start + end) / 2}" y="${top - 5}">${label}</text>`;
  return markup`${place}${text}`;
}

function describeWeights(weights: Float32Array, scales: Float32Array, scaleRange: Range | undefined): string {
  const count = `${formatCount(weights.length)} weights`;
  if (scaleRange === undefined) return count;
  const scale = scales.length === 1 ? "scale s" : `${formatCount(scales.length)} scales s`;
  return `${count}, ${scale} = ${formatRange(scaleRange)}`;
}

/** Names the axis, and how many weights are not to be found on it. */
function describeWeightAxis(weights: Float32Array, edge: number): string {
  const notFinite = weights.reduce((count, weight) => count + (Number.isFinite(weight) ? 0 : 1), 0);
  const beyond = weights.reduce(
    (count, weight) => count + (Number.isFinite(weight) && Math.abs(weight) > edge ? 1 : 0),
    0,
  );
  const absent = [
    beyond > 0 ? `${formatCount(beyond)} beyond the axis` : "",
    notFinite > 0 ? `${formatCount(notFinite)} not finite` : "",
  ].filter((part) => part !== "");
  return absent.length > 0 ? `weight (${absent.join(", ")})` : "weight";
}

function describeThresholds(thresholds: readonly Range[]): string {
  if (thresholds.length === 0) return "no threshold between 0 and ±1";
  return `${thresholds.length > 1 ? "thresholds" : "threshold"} ${thresholds.map(formatRange).join(", ")}`;
}

function formatRange([low, high]: Range): string {
  return low === high ? formatSignificant(low) : `${formatSignificant(low)} to ${formatSignificant(high)}`;
}
