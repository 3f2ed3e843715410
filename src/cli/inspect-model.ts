/** `bitlinear inspect` from a file to a table. */
import { formatPercent } from "../core/number-format.ts";
import { formatTable } from "../core/text-table.ts";
import { type Inspection, inspectModel } from "../runtime/inspect.ts";
import { describeInput, describeSize, inspectionTable } from "../runtime/inspection-text.ts";
import { loadModel } from "../runtime/model-file.ts";
import type { CommandContext } from "./commands/command.ts";
import { CLASSES_KEY, classesOf } from "./model-metadata.ts";
import type { Output } from "./output.ts";

const LEAST_CONTENTS = 16;

/** Prints what a saved model is made of. */
export async function inspectSavedModel(path: string, { output }: CommandContext): Promise<number> {
  using model = await loadModel(path);
  const inspection = inspectModel(model);
  const { metadata } = model;
  output.emit({ model: path, ...inspection, metadata });
  output.print(`${output.paint("bold", path)}\n`);
  printTable(inspection, output);
  printSummary(inspection, output);
  const classes = classesOf(metadata);
  const texts = Object.entries(metadata).map(([key, text]) =>
    key === CLASSES_KEY && classes !== undefined ? ([key, classes.join(" ")] as const) : ([key, text] as const),
  );
  for (const [key, text] of texts)
    output.print(
      `${output.paint("dim", `${key}:`)} ${fit(JSON.stringify(text).slice(1, -1), output.width - key.length - 2)}`,
    );
  return 0;
}

/** The table, with its last column cut where a terminal ends. */
function printTable(inspection: Inspection, output: Output): void {
  const table = inspectionTable(inspection);
  const { heading, rows } = table;
  const narrow = formatTable({ ...table, rows: rows.map((row) => [...row.slice(0, -1), ""]) });
  const used = narrow.indexOf("\n") - heading[heading.length - 1].length;
  const room = output.isTerminal ? Math.max(LEAST_CONTENTS, output.width - used) : Number.POSITIVE_INFINITY;
  const fitted = rows.map((row) => [...row.slice(0, -1), fit(row[row.length - 1], room)]);
  const [head, ...lines] = formatTable({ ...table, rows: fitted }).split("\n");
  output.print(`${output.paint("bold", head)}\n${lines.join("\n")}\n`);
}

function printSummary(inspection: Inspection, output: Output): void {
  const { total } = inspection;
  const line = (label: string, text: string) => output.print(`${output.paint("dim", `${label}:`)} ${text}`);
  line("input", describeInput(inspection));
  line("size", describeSize(inspection));
  if (total.sparsity !== undefined) line("sparsity", `${formatPercent(total.sparsity)} of the ternary weights are 0`);
  line(
    "exact",
    total.isExact
      ? "yes: it equals the training forward pass in all bits"
      : "no: the operations marked so round differently, within the bounds of docs/numerics.md",
  );
}

function fit(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}
