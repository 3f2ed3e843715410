/** A model as a table. */
import { formatCount } from "../core/number-format.ts";
import { formatShape } from "../core/shape.ts";
import { type Alignment, formatTable } from "../core/text-table.ts";
import { modelFormats } from "../formats/index.ts";
import type { Parameter } from "../tensor/index.ts";
import { distinctParameters } from "./distinct-parameters.ts";
import type { Module } from "./module.ts";
import { FLOAT_BYTES, ownParameters, packedByteLengths } from "./summary-bytes.ts";

const FORMAT = modelFormats[0];
const HEADING = ["layer", "type", "sizes", "parameters", "count", "float32 bytes", `${FORMAT.id} bytes`];
const ALIGNMENTS: readonly Alignment[] = ["left", "left", "left", "left", "right", "right", "right"];

/**
 * The layers of a model with the shapes of their parameters (buffers included), how many values there are, what they take
 * as float32, and what they take with ternary weights packed in the default format. What stands in several places is
 * counted in the first; a deployed model, which `estimateMemory` measures, stores it for each of them.
 */
export function summarize(model: Module): string {
  const firstNames = new Map(distinctParameters(model).map(([name, parameter]) => [parameter, name]));
  const places = model.namedModules();
  const packed = packedByteLengths(
    places.map(([, module]) => module),
    FORMAT,
  );
  const rows = places.flatMap(([path, module], i) => {
    const own = ownParameters(module);
    if (own.length === 0 && module.children().length > 0) return [];
    const counted = own.filter(([name, parameter]) => firstNames.get(parameter) === joined(path, name));
    const isElsewhere = own.length > 0 && counted.length === 0;
    const shapes = isElsewhere
      ? `those of ${firstNames.get(own[0][1])}`
      : own.map(([name, { shape }]) => `${name} ${formatShape(shape)}`).join(" ");
    const type = module.constructor.name;
    const cells = [...countCells(counted), formatCount(packed[i])];
    return [[path === "" ? "(model)" : path, type, module.describe(), shapes, ...cells]];
  });
  const packedTotal = packed.reduce((sum, byteLength) => sum + byteLength, 0);
  const cells = [...countCells(distinctParameters(model)), formatCount(packedTotal)];
  const total = ["total", model.constructor.name, "", "", ...cells];
  return formatTable({ heading: HEADING, alignments: ALIGNMENTS, rows, total });
}

function countCells(parameters: readonly [string, Parameter][]): [string, string] {
  const count = parameters.reduce((sum, [, { size }]) => sum + size, 0);
  return [formatCount(count), formatCount(count * FLOAT_BYTES)];
}

function joined(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}
