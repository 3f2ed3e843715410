/** Numbers as text: one row per line, cells separated by commas, semicolons or tabs; no quoted cells. */
import { FileError } from "../core/errors.ts";
import { decodeUtf8, excerpt } from "./utf8.ts";

/** What separates the cells of a row. */
export type CsvSeparator = "," | ";" | "\t";

/** How to read a CSV file. */
export interface CsvOptions {
  /** Without it: tabs if the first row holds one, else semicolons, else commas. */
  separator?: CsvSeparator | undefined;
  /** Whether the first row holds names; without it, it does when none of its cells is a number. */
  hasHeader?: boolean | undefined;
}

/** The numbers of a CSV file. */
export interface CsvTable {
  /** Names of the columns, where the file has a header row. */
  readonly columns: readonly string[] | undefined;
  readonly rowCount: number;
  readonly columnCount: number;
  /** Rounded to float32, row-major `[rowCount, columnCount]`. */
  readonly values: Float32Array;
}

const MAX_COLUMNS = 1_000_000; // a row is held cell by cell while it is read

const numberPattern = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/; // no two ways to match a digit: linear time

/**
 * Reads a CSV file; empty lines are skipped, spaces around cells too.
 *
 * @param file name of the file for messages
 * @throws FileError naming line and column, both counted from 1, of a cell that is not a finite number or of a row that
 * is longer or shorter than the first; and for a file without rows
 */
export function parseCsv(bytes: Uint8Array, file = "<bytes>", options: CsvOptions = {}): CsvTable {
  const text = decodeUtf8(bytes, { file, offset: 0 });
  const values = new Float32Array((text.length >> 1) + 1); // a cell takes a digit and a separator at least
  let { separator, hasHeader } = options;
  let columns: string[] | undefined;
  let header: string | undefined;
  let columnCount = 0;
  let rowCount = 0;

  for (const { line, lineNumber } of linesOf(text)) {
    separator ??= detectSeparator(line);
    const cells = line.split(separator, MAX_COLUMNS + 1).map((cell) => cell.trim()); // a byte order mark goes, too
    if (cells.length > MAX_COLUMNS) {
      throw new FileError(`line ${lineNumber} has more than ${MAX_COLUMNS} columns: break it into rows`, { file });
    }
    if (columnCount === 0) {
      columnCount = cells.length;
      hasHeader ??= !cells.some((cell) => numberPattern.test(cell));
      if (hasHeader) {
        columns = cells;
        header = line.trim();
        continue;
      }
    }
    if (cells.length !== columnCount) {
      const problem = `line ${lineNumber} has ${cells.length} columns, the first row has ${columnCount}`;
      throw new FileError(`${problem}: check it for missing or extra separators`, { file });
    }
    const start = rowCount * columnCount;
    cells.forEach((cell, column) => {
      values[start + column] = readNumber(cell, { file, lineNumber, column: column + 1 });
    });
    rowCount++;
  }
  if (rowCount === 0) {
    const found = header === undefined ? "no line" : `only the line ${excerpt(header)}, which was taken for a header`;
    throw new FileError(`expected at least one row of numbers, got ${found}`, { file });
  }
  return { columns, rowCount, columnCount, values: values.slice(0, rowCount * columnCount) };
}

function* linesOf(text: string): Generator<{ line: string; lineNumber: number }> {
  const lineEnd = /\r\n|\n|\r|$/g;
  let lineNumber = 0;
  for (let start = 0; start < text.length; start = lineEnd.lastIndex) {
    lineEnd.lastIndex = start;
    const end = lineEnd.exec(text)?.index ?? text.length;
    const line = text.slice(start, end);
    lineNumber++;
    if (line.trim() !== "") yield { line, lineNumber };
    if (end === text.length) return;
  }
}

function detectSeparator(line: string): CsvSeparator {
  if (line.includes("\t")) return "\t";
  return line.includes(";") ? ";" : ",";
}

function readNumber(cell: string, at: { file: string; lineNumber: number; column: number }): number {
  const value = numberPattern.test(cell) ? Math.fround(Number(cell)) : Number.NaN;
  if (!Number.isFinite(value)) {
    const place = `line ${at.lineNumber}, column ${at.column}`;
    throw new FileError(`${place}: expected a finite number with a decimal point, got ${excerpt(cell)}`, {
      file: at.file,
    });
  }
  return value;
}
