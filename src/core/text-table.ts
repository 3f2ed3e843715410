/** Tables for a terminal or a log, in a fixed-width font. */
import { visibleText } from "./visible-text.ts";

/** Which side the cells of a column touch. */
export type Alignment = "left" | "right";

/** Cells of a table; every row has as many as there are columns. */
export interface TextTable {
  readonly heading: readonly string[];
  readonly alignments: readonly Alignment[];
  readonly rows: readonly (readonly string[])[];
  /** The last row, below a line. */
  readonly total?: readonly string[];
}

/** Lines of aligned cells, two spaces between columns, no spaces at line ends; what cannot be seen is escaped. */
export function formatTable({ heading, alignments, rows, total }: TextTable): string {
  const shown = rows.map((row) => row.map(visibleText));
  const all = [heading, ...shown, ...(total ? [total] : [])];
  const widths = alignments.map((_, column) => Math.max(...all.map((row) => row[column].length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => pad(cell, widths[column], alignments[column]))
      .join("  ")
      .trimEnd();
  const rule = "─".repeat(widths.reduce((sum, width) => sum + width + 2, -2));
  return [line(heading), rule, ...shown.map(line), ...(total ? [rule, line(total)] : [])].join("\n");
}

function pad(cell: string, width: number, alignment: Alignment): string {
  return alignment === "left" ? cell.padEnd(width) : cell.padStart(width);
}
