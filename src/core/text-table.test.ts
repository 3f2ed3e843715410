import { expect, test } from "vitest";
import { formatTable, type TextTable } from "./text-table.ts";

const table: TextTable = {
  heading: ["name", "bytes", "note"],
  alignments: ["left", "right", "left"],
  rows: [
    ["a", "1,234", ""],
    ["longer name", "5", "x"],
  ],
};

test("columns are as wide as their widest cell, and lines end with text", () => {
  expect(formatTable(table).split("\n")).toEqual([
    "name         bytes  note",
    "────────────────────────",
    "a            1,234",
    "longer name      5  x",
  ]);
});

test("a total stands below a line and widens columns, too", () => {
  expect(formatTable({ ...table, total: ["total", "1,000,000", ""] }).split("\n")).toEqual([
    "name             bytes  note",
    "────────────────────────────",
    "a                1,234",
    "longer name          5  x",
    "────────────────────────────",
    "total        1,000,000",
  ]);
});

test("names of files cannot break lines or change colours", () => {
  const [row] = formatTable({ ...table, rows: [["a\nb\u001b[0m", "1", ""]] })
    .split("\n")
    .slice(2);
  expect(row).toBe("a\\nb\\u{1b}[0m      1");
});
