/** The learning curves of one or two trainings, drawn in the terminal. */
import { formatCount } from "../../core/number-format.ts";
import type { Output, Style } from "../output.ts";
import { averages, drawChart } from "./terminal-chart.ts";

/** A training to draw. */
export interface Curve {
  readonly name: string;
  /** Loss of each batch, in order. */
  readonly losses: readonly number[];
}

const HEIGHT = 7;
const GREATEST_CHART_WIDTH = 46;
const STYLES: readonly Style[] = ["blue", "yellow"];

/** Prints the losses of each batch, charts beside each other on one logarithmic scale. */
export function printLearningCurves(curves: readonly Curve[], output: Output): void {
  const width = Math.min(GREATEST_CHART_WIDTH, Math.floor(output.width / curves.length) - 2);
  // Of the means that are drawn, about one for each column: a single batch may be far below them.
  const shown = curves.flatMap((curve) => averages(curve.losses, width)).filter((loss) => loss > 0);
  if (shown.length === 0) return;
  const limits = [Math.min(...shown), Math.max(...shown)] as const;
  const charts = curves.map(({ name, losses: values }) => {
    const last = values.slice(-Math.ceil(values.length / 20));
    const end = last.reduce((sum, loss) => sum + loss, 0) / last.length;
    const foot = ["batch 1", `${formatCount(values.length)}, loss ${end.toPrecision(2)}`] as const;
    return drawChart({ title: name, values, limits, width, height: HEIGHT, foot });
  });
  const [first] = charts;
  for (let row = 0; row < first.lines.length; row++) {
    const cells = charts.map(({ lines, axisWidth }, i) => {
      const [axis, marks] = [lines[row].slice(0, axisWidth + 1), lines[row].slice(axisWidth + 1)];
      const isPlot = row > 0 && row <= HEIGHT;
      return output.paint("dim", axis) + (isPlot ? output.paint(STYLES[i % STYLES.length], marks) : marks);
    });
    output.print(`  ${cells.join("  ")}`.trimEnd());
  }
}
