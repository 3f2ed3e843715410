/** Small charts made of block characters. */

/** What a chart shows. */
export interface TerminalChart {
  readonly title: string;
  /** In order; positive, because the axis is logarithmic. */
  readonly values: readonly number[];
  /** Bottom and top of the axis. */
  readonly limits: readonly [number, number];
  /** Characters of a line, the numbers of the axis included. */
  readonly width: number;
  /** Lines between the title and the foot. */
  readonly height: number;
  /** Below the axis, left and right. */
  readonly foot: readonly [string, string];
}

const BLOCKS = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const EIGHTHS = BLOCKS.length - 1;

/** The lines of a chart, each `width` characters long; values beside each other are averaged where they are too many. */
export function drawChart(chart: TerminalChart): { lines: string[]; axisWidth: number } {
  const { title, values, limits, width, height, foot } = chart;
  const [low, high] = limits.map(Math.log);
  const labels = [formatTick(limits[1]), formatTick(limits[0])];
  const axisWidth = Math.max(...labels.map((label) => label.length)) + 1;
  const columnCount = Math.max(1, width - axisWidth - 1);
  const levels = averages(values, columnCount).map((value) => {
    const share = (Math.log(value) - low) / (high - low);
    return Math.round(Math.min(1, Math.max(0, share)) * height * EIGHTHS);
  });
  const rows = Array.from({ length: height }, (_, row) => {
    const label = row === 0 ? labels[0] : row === height - 1 ? labels[1] : "";
    const base = (height - 1 - row) * EIGHTHS;
    const cells = levels.map((level) => BLOCKS[Math.min(EIGHTHS, Math.max(row === height - 1 ? 1 : 0, level - base))]);
    return `${label.padStart(axisWidth - 1)} │${cells.join("")}`.padEnd(width);
  });
  const gap = Math.max(1, columnCount - foot[0].length - foot[1].length);
  const footLine = `${" ".repeat(axisWidth + 1)}${foot[0]}${" ".repeat(gap)}${foot[1]}`;
  return {
    lines: [`${" ".repeat(axisWidth + 1)}${title}`.padEnd(width), ...rows, footLine.padEnd(width)],
    axisWidth,
  };
}

/** The mean of each of `count` runs of values; a value takes several columns where there are fewer values than columns. */
export function averages(values: readonly number[], count: number): number[] {
  if (values.length === 0) return [];
  return Array.from({ length: count }, (_, column) => {
    const start = Math.floor((column * values.length) / count);
    const end = Math.max(start + 1, Math.floor(((column + 1) * values.length) / count));
    const run = values.slice(start, end);
    return run.reduce((sum, value) => sum + value, 0) / run.length;
  });
}

function formatTick(value: number): string {
  return String(Number(value.toPrecision(2)));
}
