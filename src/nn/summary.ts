/** A model as a table. */
import { formatShape } from "../core/shape.ts";
import { type Alignment, formatTable } from "../core/text-table.ts";
import type { Parameter } from "../tensor/index.ts";
import { distinctParameters } from "./distinct-parameters.ts";
import type { Module } from "./module.ts";

const FLOAT_BYTES = 4;
const HEADING = ["layer", "type", "sizes", "parameters", "count", "float32 bytes"];
const ALIGNMENTS: readonly Alignment[] = ["left", "left", "left", "left", "right", "right"];

/**
 * The layers of a model with the shapes of their parameters (buffers included), how many values there are and what they
 * take as float32; see `estimateMemory` for the packed sizes. What stands in several places is counted in the first.
 */
export function summarize(model: Module): string {
  const firstNames = new Map(distinctParameters(model).map(([name, parameter]) => [parameter, name]));
  const rows = model.namedModules().flatMap(([path, module]) => {
    const own = ownParameters(module);
    if (own.length === 0 && module.children().length > 0) return [];
    const counted = own.filter(([name, parameter]) => firstNames.get(parameter) === joined(path, name));
    const isElsewhere = own.length > 0 && counted.length === 0;
    const shapes = isElsewhere
      ? `those of ${firstNames.get(own[0][1])}`
      : own.map(([name, { shape }]) => `${name} ${formatShape(shape)}`).join(" ");
    const type = module.constructor.name;
    return [[path === "" ? "(model)" : path, type, module.describe(), shapes, ...countCells(counted)]];
  });
  const total = ["total", model.constructor.name, "", "", ...countCells(distinctParameters(model))];
  return formatTable({ heading: HEADING, alignments: ALIGNMENTS, rows, total });
}

type NamedParameter = [string, Parameter];

/** Parameters in fields of the module itself. */
function ownParameters(module: Module): NamedParameter[] {
  const children = module.children().map(([name]) => `${name}.`);
  return module.namedParameters().filter(([name]) => !children.some((child) => name.startsWith(child)));
}

function countCells(parameters: readonly NamedParameter[]): [string, string] {
  const count = parameters.reduce((sum, [, { size }]) => sum + size, 0);
  return [formatCount(count), formatCount(count * FLOAT_BYTES)];
}

function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

function joined(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}
