/** Which class was taken for which: counts as a heat map, mistakes emphasised, and the recall of each class. */
import { ShapeError } from "../../core/errors.ts";
import { formatCount, formatPercent } from "../../core/number-format.ts";
import { BELOW_TITLE, drawEmpty, drawPlot, LINE_HEIGHT } from "../drawing/frame.ts";
import { type Markup, markup } from "../drawing/markup.ts";
import { fitText, textWidth } from "../drawing/text-width.ts";
import { color } from "../drawing/theme.ts";

/** What a confusion matrix shows. */
export interface ConfusionMatrix {
  title: string;
  /** `counts[true class][predicted class]`, whole numbers of at least zero. */
  counts: readonly (readonly number[])[];
  classes: readonly string[];
  /** In pixels; default 500, more where many classes need it. The height follows from the number of classes. */
  width?: number;
}

const RECALL_WIDTH = 62;
const LARGEST_NAME = 110;
const LARGEST_CELL = 44;
const SMALLEST_CELL = 16; // a line of text
const SMALLEST_CELL_WITH_COUNT = 24;

/**
 * Draws a confusion matrix as an SVG document. Right answers and mistakes are shaded on scales of their own: else the
 * mistakes of a good model could not be seen.
 *
 * @throws ShapeError when `counts` is not square with a row per class, or holds anything but counts
 */
export function confusionMatrix(matrix: ConfusionMatrix): string {
  const { title, counts, classes } = matrix;
  checkCounts(matrix);

  const widestName = classes.reduce((most, name) => Math.max(most, textWidth(name)), 0);
  const nameWidth = Math.min(widestName, LARGEST_NAME);
  const left = nameWidth + 8;
  const width = Math.max(matrix.width ?? 500, left + classes.length * SMALLEST_CELL + RECALL_WIDTH);
  const cell = Math.min(LARGEST_CELL, (width - left - RECALL_WIDTH) / Math.max(1, classes.length));
  const areNamesTurned = nameWidth > cell - 4;
  const top = BELOW_TITLE + LINE_HEIGHT + (areNamesTurned ? nameWidth + 8 : LINE_HEIGHT);
  const right = left + classes.length * cell;

  const total = sum(counts.flat());
  const correct = sum(counts.map((row, i) => row[i]));
  const largestCorrect = Math.max(1, ...counts.map((row, i) => row[i]));
  const largestMistake = Math.max(1, ...counts.flatMap((row, i) => row.filter((_, j) => j !== i)));

  const columnNames = classes.map((name, j) => {
    const x = left + (j + 0.5) * cell;
    const text = fitText(name, nameWidth);
    return areNamesTurned
      ? markup`<text transform="translate(${x + 4} ${top - 8}) rotate(-90)">${text}</text>`
      : markup`<text class="middle" x="${x}" y="${top - 8}">${text}</text>`;
  });
  const rows = counts.map((row, i) => {
    const y = top + i * cell;
    const cells = row.map((count, j) => {
      const largest = i === j ? largestCorrect : largestMistake;
      const tooltip = `true ${classes[i]}, predicted ${classes[j]}: ${formatCount(count)} of ${formatCount(sum(row))}`;
      return drawCell({ x: left + j * cell, y, cell, count, share: count / largest, isCorrect: i === j, tooltip });
    });
    const middle = y + cell / 2 + 4;
    return markup`<g><text class="end" x="${left - 8}" y="${middle}">${fitText(classes[i], nameWidth)}</text>${cells}<text class="end" x="${right + RECALL_WIDTH - 6}" y="${middle}">${formatPercent(row[i] / sum(row))}</text></g>`;
  });

  return drawPlot({
    title,
    summary: `${formatCount(correct)} of ${formatCount(total)} right. Recall: ${classes.map((name, i) => `${name} ${formatPercent(counts[i][i] / sum(counts[i]))}`).join(", ")}`,
    width,
    height: top + Math.max(2, classes.length) * cell + 12,
    content: markup`<text class="muted" x="0" y="${BELOW_TITLE}">${formatCount(correct)} of ${formatCount(total)} right; rows: true class, columns: predicted class</text>
${classes.length === 0 && drawEmpty({ left, top, right: width, bottom: top + 2 * cell }, "no classes")}
${classes.length > 0 && markup`<text class="muted end" x="${right + RECALL_WIDTH - 6}" y="${top - 8}">recall</text>`}
<g>${columnNames}</g>${rows}`,
  });
}

interface Cell {
  x: number;
  y: number;
  cell: number;
  count: number;
  /** Of the largest count of its kind, 0 to 1. */
  share: number;
  isCorrect: boolean;
  tooltip: string;
}

function drawCell({ x, y, cell, count, share, isCorrect, tooltip }: Cell): Markup {
  // At most 0.4 and 0.75, so that text in the ordinary ink stays readable on every cell.
  const opacity = count === 0 ? 0.05 : isCorrect ? 0.1 + 0.3 * share : 0.15 + 0.6 * share;
  const ground = count === 0 ? color("muted") : isCorrect ? color("minus") : color("plus");
  const text =
    cell >= SMALLEST_CELL_WITH_COUNT &&
    count > 0 &&
    markup`<text class="middle" x="${x + cell / 2}" y="${y + cell / 2 + 4}" pointer-events="none">${shortCount(count)}</text>`;
  return markup`<rect x="${x + 1}" y="${y + 1}" width="${cell - 2}" height="${cell - 2}" rx="3" fill="${ground}" fill-opacity="${opacity}"><title>${tooltip}</title></rect>${text}`;
}

/** At most four characters, to fit a cell. */
function shortCount(count: number): string {
  return count < 10_000 ? String(count) : `${Math.round(count / 1000)}k`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function checkCounts({ counts, classes }: ConfusionMatrix): void {
  if (counts.length !== classes.length || counts.some((row) => row.length !== classes.length)) {
    throw new ShapeError(
      `counts must be ${classes.length} x ${classes.length}, one row and column per class, got rows of ${counts.map((row) => row.length).join(", ")}`,
    );
  }
  const wrong = counts.flat().find((count) => !Number.isSafeInteger(count) || count < 0);
  if (wrong !== undefined) throw new ShapeError(`a count must be a whole number of at least 0, got ${wrong}`);
}
