/** Amounts side by side as horizontal bars: memory before and after, layer by layer and in total. */
import { ShapeError } from "../../core/errors.ts";
import { formatSignificant } from "../../core/number-format.ts";
import { BELOW_TITLE, drawEmpty, drawLegend, drawPlot, LINE_HEIGHT } from "../drawing/frame.ts";
import { type Markup, markup } from "../drawing/markup.ts";
import { fitText, textWidth } from "../drawing/text-width.ts";
import { seriesColor } from "../drawing/theme.ts";

/** One bar in each group. */
export interface BarSeries {
  name: string;
  /** One finite amount of at least zero per group. */
  values: readonly number[];
  /** Texts behind the bars, one per group; default the formatted values. */
  labels?: readonly string[];
  /** Index of its colour; default its place among the series. */
  colorIndex?: number;
}

/** What a bar chart shows. */
export interface BarChart {
  title: string;
  /** What is measured, with its unit. */
  label: string;
  groups: readonly string[];
  series: readonly BarSeries[];
  /** How a value reads; default three significant digits. */
  format?: (value: number) => string;
  /** Sets the last group apart, as the total of the others. */
  isLastTotal?: boolean;
  /** In pixels; default 500. The height follows from the number of bars. */
  width?: number;
}

const BAR_HEIGHT = 14;
const BAR_STEP = 18;
const GROUP_GAP = 12;

/**
 * Draws a bar chart as an SVG document; every bar is labelled with its value, so there is no axis.
 *
 * @throws ShapeError when a series has not one amount (and label, if any) per group, or an amount is negative or NaN
 */
export function barChart(chart: BarChart): string {
  const { title, label, groups, series, format = formatSignificant, isLastTotal = false, width = 500 } = chart;
  for (const one of series) checkSeries(one, groups.length);

  const left = 12 + Math.min(width * 0.35, widest(groups));
  const texts = series.map(({ values, labels }) =>
    (labels ?? values.map((value) => format(value))).map((text) => fitText(text, (width - left) * 0.6)),
  );
  const pixelsPerUnit = longestFit(series, texts, width - left - 14);

  const legend = drawLegend(
    series.map(({ name, colorIndex }, i) => ({ label: name, color: seriesColor(colorIndex ?? i), shape: "square" })),
    width,
    BELOW_TITLE + LINE_HEIGHT + 4,
  );
  const top = BELOW_TITLE + LINE_HEIGHT + 4 + legend.height;
  const groupHeight = series.length * BAR_STEP + GROUP_GAP;
  const bottom = top + groups.length * groupHeight - GROUP_GAP;

  const drawGroup = (group: string, index: number): Markup => {
    const y = top + index * groupHeight;
    const isTotal = isLastTotal && index === groups.length - 1;
    const middle = y + (series.length * BAR_STEP) / 2;
    const bars = series.map(({ name, values, colorIndex }, i) => {
      const length = values[index] * pixelsPerUnit;
      const text = texts[i][index];
      return markup`<rect x="${left}" y="${y + i * BAR_STEP}" width="${Math.max(length, values[index] > 0 ? 1 : 0)}" height="${BAR_HEIGHT}" rx="2" fill="${seriesColor(colorIndex ?? i)}"><title>${group}, ${name}: ${text}</title></rect><text${isTotal && STRONG} x="${left + length + 6}" y="${y + i * BAR_STEP + 11}">${text}</text>`;
    });
    const rule =
      isTotal &&
      markup`<line class="grid" x1="0" x2="${width}" y1="${y - GROUP_GAP / 2 - 2}" y2="${y - GROUP_GAP / 2 - 2}"/>`;
    return markup`${rule}<text${isTotal && STRONG} x="0" y="${middle + 2}">${fitText(group, left - 12)}</text>${bars}`;
  };

  return drawPlot({
    title,
    summary: `${label}. ${groups.map((group, g) => `${group}: ${series.map(({ name }, i) => `${name} ${texts[i][g]}`).join(", ")}`).join("; ")}`,
    width,
    height: Math.max(bottom + 4, top + 40),
    content: markup`<text class="muted" x="0" y="${BELOW_TITLE}">${fitText(label, width)}</text>${legend.content}
<line class="axis" x1="${left}" x2="${left}" y1="${top - 4}" y2="${bottom}"/>
${groups.map(drawGroup)}
${groups.length === 0 && drawEmpty({ left: 0, top, right: width, bottom: top + 40 }, "no data")}`,
  });
}

const STRONG = markup` class="strong"`;

/** The largest scale at which every bar and the text behind it stay within `room` pixels; short bars take little of it. */
function longestFit(series: readonly BarSeries[], texts: readonly (readonly string[])[], room: number): number {
  const fits = series.flatMap(({ values }, i) =>
    values.map((value, group) => (room - textWidth(texts[i][group])) / value),
  );
  const smallest = fits.reduce((least, fit) => Math.min(least, fit), Number.POSITIVE_INFINITY);
  return Number.isFinite(smallest) ? smallest : 0;
}

function widest(texts: readonly string[]): number {
  return texts.reduce((most, text) => Math.max(most, textWidth(text)), 0);
}

function checkSeries({ name, values, labels }: BarSeries, groupCount: number): void {
  if (values.length !== groupCount || (labels !== undefined && labels.length !== groupCount)) {
    throw new ShapeError(`series ${name} must have a value per group (${groupCount}), got ${values.length}`);
  }
  const wrong = values.find((value) => !(value >= 0 && Number.isFinite(value)));
  if (wrong !== undefined) throw new ShapeError(`series ${name} must hold finite amounts of at least 0, got ${wrong}`);
}
