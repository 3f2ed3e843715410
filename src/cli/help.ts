/** Help texts, made from the lists and from what commands declare. */
import { VERSION } from "../core/version.ts";
import { type ArgumentSpec, commonOptions } from "./arguments.ts";
import type { Command, CommandEntry } from "./commands/command.ts";
import { flagOf, type Option, type OptionSet } from "./options.ts";

const COLUMN_GAP = 2;
const INDENT = "  ";

/** What `bitlinear --help` shows. */
export function programHelp(commands: readonly CommandEntry[], width: number): string {
  const rows = commands.map(({ id, summary }): Row => [id, summary]);
  return [
    `bitlinear ${VERSION}: ternary (1.58-bit) neural networks, trained, packed and run`,
    "",
    "Usage: bitlinear COMMAND [options]",
    "",
    "Commands:",
    ...columns(rows, width),
    "",
    "Options of every command:",
    ...columns(optionRows(commonOptions), width),
    "",
    "bitlinear COMMAND --help tells what a command takes, bitlinear --version which release this is.",
  ].join("\n");
}

/** What `bitlinear COMMAND --help` shows. */
export function commandHelp({ id, summary }: CommandEntry, command: Command, width: number): string {
  const { options, positionals, details, examples } = command;
  const lines = [`bitlinear ${id}: ${summary}`, "", `Usage: ${usageLine(id, command)}`];
  for (const paragraph of details) lines.push("", ...wrap(paragraph, width));
  if (positionals.length > 0) {
    lines.push(
      "",
      "Arguments:",
      ...columns(
        positionals.map(({ name, help }): Row => [name, help]),
        width,
      ),
    );
  }
  lines.push("", "Options:", ...columns(optionRows({ ...options, ...commonOptions }), width));
  if (examples.length > 0) lines.push("", "Examples:", ...examples.map((example) => `${INDENT}bitlinear ${example}`));
  return lines.join("\n");
}

function usageLine(id: string, { positionals }: ArgumentSpec): string {
  return ["bitlinear", id, ...positionals.map(({ name }) => name), "[options]"].join(" ");
}

/** What is typed, and what it does. */
type Row = readonly [string, string];

function optionRows(options: OptionSet): Row[] {
  return Object.entries(options).flatMap(([name, option]): Row[] => [
    [option.placeholder === undefined ? flagOf(name) : `${flagOf(name)} ${option.placeholder}`, describeOption(option)],
    ...(option.choices ?? []).map(({ id, summary }): Row => [`${INDENT}${INDENT}${id}`, summary]),
  ]);
}

function describeOption({ help, fallback }: Option<unknown>): string {
  return typeof fallback === "string" || typeof fallback === "number" ? `${help} (default ${fallback})` : help;
}

function columns(rows: readonly Row[], width: number): string[] {
  const left = Math.max(...rows.map(([typed]) => typed.length)) + COLUMN_GAP;
  return rows.flatMap(([typed, meaning]) =>
    wrap(meaning, Math.max(30, width - left - INDENT.length)).map(
      (line, i) => `${INDENT}${(i === 0 ? typed : "").padEnd(left)}${line}`,
    ),
  );
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
