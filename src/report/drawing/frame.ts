/** What all plots share: the SVG around them, their heading, their legend and the lines and labels of their axes. */
import type { Axis } from "./axis.ts";
import { type Markup, markup, trustedMarkup } from "./markup.ts";
import { FONT_SIZE, fitText, textWidth } from "./text-width.ts";
import { themeRules } from "./theme.ts";

/** A rectangle in pixels, y downwards. */
export interface Area {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** A whole plot, ready to become an SVG document. */
export interface Drawing {
  title: string;
  /** What a person who cannot see the plot should know; the title is said before it. */
  summary: string;
  width: number;
  height: number;
  content: Markup;
}

/** An entry of a legend. */
export interface LegendEntry {
  label: string;
  /** A CSS color. */
  color: string;
  shape: "line" | "dashes" | "square";
}

/** Baseline of the first line of text below the title. */
export const BELOW_TITLE = 42;

/** Distance of lines of text. */
export const LINE_HEIGHT = 18;

const TITLE_SIZE = 15;
const BOLD_WIDTH = 1.1;

const STYLE = trustedMarkup(
  `<style>${themeRules(".plot")}
.plot{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-size:${FONT_SIZE}px;font-variant-numeric:tabular-nums}
.plot text{fill:var(--ink)}.plot .title{font-size:${TITLE_SIZE}px;font-weight:600}.plot .muted{fill:var(--muted)}.plot .strong{font-weight:600}
.plot .end{text-anchor:end}.plot .middle{text-anchor:middle}.plot .grid{stroke:var(--line)}.plot .axis{stroke:var(--axis)}
.plot .halo{paint-order:stroke;stroke:var(--panel);stroke-width:3px;stroke-linejoin:round}
</style>`,
);

/** The SVG document of a plot; it carries its own style, and looks the same alone and inside a page. */
export function drawPlot({ title, summary, width, height, content }: Drawing): string {
  const fluid = `width:100%;min-width:${Math.round(width * 0.9)}px;max-width:${Math.round(width * 1.15)}px;height:auto`;
  return markup`<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" aria-label="${title}. ${summary}" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" style="${fluid}"><title>${title}</title>${STYLE}
<text class="title" x="0" y="18">${fitText(title, width, TITLE_SIZE * BOLD_WIDTH)}</text>
${content}
</svg>`.text;
}

/** A legend from `top` down, and the height it takes: one row where that is enough, else rows in even columns. */
export function drawLegend(
  entries: readonly LegendEntry[],
  width: number,
  top: number = BELOW_TITLE,
): { content: Markup; height: number } {
  const fitted = entries.map(({ label, shape }) => fitText(label, width - swatchWidth(shape) - 6));
  const widths = entries.map(({ shape }, index) => swatchWidth(shape) + 6 + textWidth(fitted[index]) + 14);
  const widest = Math.max(1, ...widths);
  const isOneRow = widths.reduce((sum, one) => sum + one, 0) <= width + 14;
  const rowCount = isOneRow ? 1 : Math.ceil(entries.length / Math.max(1, Math.floor((width + 14) / widest)));
  const columnCount = Math.ceil(entries.length / rowCount);

  let x = 0;
  const items = entries.map(({ color, shape }, index) => {
    const left = isOneRow ? x : (index % columnCount) * widest;
    const y = top + (isOneRow ? 0 : Math.floor(index / columnCount) * LINE_HEIGHT);
    x += widths[index];
    const swatch =
      shape === "square"
        ? markup`<rect x="${left}" y="${y - 10}" width="12" height="12" rx="2" fill="${color}"/>`
        : markup`<line x1="${left}" x2="${left + 20}" y1="${y - 4}" y2="${y - 4}" stroke="${color}" stroke-width="2.5"${shape === "dashes" && DASHES}/>`;
    return markup`${swatch}<text x="${left + swatchWidth(shape) + 6}" y="${y}">${fitted[index]}</text>`;
  });
  return { content: markup`<g>${items}</g>`, height: entries.length === 0 ? 0 : rowCount * LINE_HEIGHT };
}

function swatchWidth(shape: LegendEntry["shape"]): number {
  return shape === "square" ? 12 : 20;
}

/** Attribute of dashed lines. */
export const DASHES: Markup = markup` stroke-dasharray="5 4"`;

/** Left margin that the widest label of a vertical axis needs. */
export function leftMargin(axis: Axis): number {
  return Math.max(20, ...axis.ticks.map(({ label }) => textWidth(label))) + 8;
}

/** Right margin of a horizontal axis: its last label reaches half its width beyond it. */
export function rightMargin(axis: Axis): number {
  return Math.max(12, ...axis.ticks.map(({ label }) => textWidth(label) / 2));
}

/** Grid, ticks and labels of both axes; the label of y stands above its axis, where it reads without a turned head. */
export function drawAxes(area: Area, x: Axis, y: Axis): Markup {
  const { left, top, right, bottom } = area;
  const horizontal = y.ticks.map(
    ({ position, label }) =>
      markup`<line class="grid" x1="${left}" x2="${right}" y1="${position}" y2="${position}"/><text class="muted end" x="${left - 8}" y="${position + 4}">${label}</text>`,
  );
  const vertical = x.ticks.map(
    ({ position, label }) =>
      markup`<line class="axis" x1="${position}" x2="${position}" y1="${bottom}" y2="${bottom + 4}"/><text class="muted middle" x="${position}" y="${bottom + 18}">${label}</text>`,
  );
  return markup`<g>${horizontal}<line class="axis" x1="${left}" x2="${right}" y1="${bottom}" y2="${bottom}"/>${vertical}
<text class="muted" x="0" y="${top - 12}">${fitText(y.label, right)}</text><text class="muted middle" x="${(left + right) / 2}" y="${bottom + 38}">${fitText(x.label, right - left)}</text></g>`;
}

/** Space below an area for the ticks and the label of its horizontal axis. */
export const BOTTOM_MARGIN = 44;

/** A line in the middle of an area that has nothing to show. */
export function drawEmpty({ left, top, right, bottom }: Area, text: string): Markup {
  return markup`<text class="muted middle halo" x="${(left + right) / 2}" y="${(top + bottom) / 2}">${text}</text>`;
}
