/** A model as a table. */
import { elementCount, formatShape } from "../core/shape.ts";
import type { Module } from "./module.ts";

const FLOAT_BYTES = 4;

/**
 * The layers of a model with the shapes of their parameters, how many there are and what they take as float32; see
 * `estimateMemory` for the packed sizes.
 */
export function summarize(model: Module): string {
  const rows = model.namedModules().flatMap(([path, module]) => {
    const own = module.namedParameters().filter(([name]) => isOwn(module, name));
    const isLeaf = module.children().length === 0;
    return own.length > 0 || isLeaf ? [rowOf(path, module, own)] : [];
  });
  const total = model.namedParameters().reduce((sum, [, { shape }]) => sum + elementCount(shape), 0);
  const header = ["layer", "type", "sizes", "parameters", "count", "float32 bytes"];
  const footer = ["total", model.constructor.name, "", "", formatCount(total), formatCount(total * FLOAT_BYTES)];
  return drawTable([header, ...rows, footer]);
}

type Row = readonly string[];

function rowOf(path: string, module: Module, own: ReturnType<Module["namedParameters"]>): Row {
  const count = own.reduce((sum, [, { shape }]) => sum + elementCount(shape), 0);
  const shapes = own.map(([name, { shape }]) => `${name} ${formatShape(shape)}`).join(" ");
  const name = path === "" ? "(model)" : path;
  return [
    name,
    module.constructor.name,
    module.describe(),
    shapes,
    formatCount(count),
    formatCount(count * FLOAT_BYTES),
  ];
}

function isOwn(module: Module, parameterName: string): boolean {
  return !module.children().some(([child]) => parameterName.startsWith(`${child}.`));
}

function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

/** Columns as wide as their widest cell; the last two hold numbers and are aligned to the right. */
function drawTable(rows: readonly Row[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row: Row): string =>
    row
      .map((cell, i) => (i >= row.length - 2 ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join("  ")
      .trimEnd();
  const rule = "─".repeat(widths.reduce((sum, width) => sum + width + 2, -2));
  return [line(rows[0]), rule, ...rows.slice(1, -1).map(line), rule, line(rows[rows.length - 1])].join("\n");
}
