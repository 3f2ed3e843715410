/** What stands on a command's line: parsed by Node, checked against the options that the command declares. */
import { parseArgs } from "node:util";
import { UsageError } from "../core/errors.ts";
import { flagOf, flagOption, type OptionSet } from "./options.ts";
import { nearestName } from "./spelling.ts";

/** An argument without a flag, such as the path of a model. */
export interface Positional {
  /** In capitals: `MODEL`. */
  readonly name: string;
  readonly help: string;
}

/** What may stand on a command's line. */
export interface ArgumentSpec {
  readonly options: OptionSet;
  /** All of them are required. */
  readonly positionals: readonly Positional[];
}

/** What stood on it. */
export interface ParsedArguments {
  /** A value for every option, by its name in camel case. */
  readonly values: Readonly<Record<string, unknown>>;
  /** As many as the command declares. */
  readonly positionals: readonly string[];
}

/** Options that every command takes. */
export const commonOptions: OptionSet = {
  json: flagOption("print lines of JSON for machines on the standard output, and nothing else there"),
  help: flagOption("show this text"),
};

/**
 * Parses what follows the name of a command.
 *
 * @throws UsageError for an unknown option, a value that is missing, superfluous or not allowed, and for too few or too many
 *   positionals
 */
export function parseArguments(args: readonly string[], { options, positionals }: ArgumentSpec): ParsedArguments {
  const all: OptionSet = { ...options, ...commonOptions };
  const names = new Map(Object.keys(all).map((name) => [flagOf(name).slice(2), name]));
  const types = [...names].map(([flag, name]) => [flag, typeOf(all, name)] as const);
  // Not strict, because its own messages know no suggestions; the tokens tell all that has to be checked.
  const { tokens } = parseArgs({
    args: [...args],
    options: { ...Object.fromEntries(types), help: { type: "boolean", short: "h" } },
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values: Record<string, unknown> = Object.fromEntries(
    Object.entries(all).map(([name, option]) => [name, option.fallback]),
  );
  const found: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") found.push(token.value);
    if (token.kind !== "option") continue;
    const name = names.get(token.name);
    if (name === undefined) throw new UsageError(describeUnknown(token.rawName, [...names.keys()]));
    values[name] = readValue(all, name, token);
  }
  if (values.help !== true) checkPositionals(found, positionals);
  return { values, positionals: found };
}

interface OptionToken {
  readonly rawName: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}

function typeOf(options: OptionSet, name: string): { type: "string" | "boolean" } {
  return { type: options[name].placeholder === undefined ? "boolean" : "string" };
}

function readValue(options: OptionSet, name: string, { rawName, value, inlineValue }: OptionToken): unknown {
  const { placeholder, parse } = options[name];
  if (placeholder === undefined) {
    if (value !== undefined) throw new UsageError(`${rawName} takes no value, got ${JSON.stringify(value)}`);
    return parse("", rawName);
  }
  // "--out --json" forgot the path; "--seed -1" did not forget the number, and "--seed=--x" means what it says.
  const isForgotten = value === undefined || (inlineValue !== true && /^-(-|[a-z])/i.test(value));
  if (isForgotten) throw new UsageError(`${rawName} needs a value: ${rawName} ${placeholder}`);
  return parse(value, rawName);
}

function describeUnknown(rawName: string, flags: readonly string[]): string {
  const meant = nearestName(rawName.replace(/^-+/, ""), flags);
  return `unknown option ${rawName}${meant === undefined ? "" : `; did you mean --${meant}?`}`;
}

function checkPositionals(found: readonly string[], expected: readonly Positional[]): void {
  const missing = expected.slice(found.length);
  if (missing.length > 0) {
    const names = missing.map(({ name, help }) => `${name} (${help})`);
    throw new UsageError(`missing ${names.join(" and ")}`);
  }
  const empty = found.indexOf("");
  if (empty !== -1 && empty < expected.length) {
    const { name, help } = expected[empty];
    throw new UsageError(`${name} (${help}) needs a path, got nothing`);
  }
  if (found.length > expected.length) {
    const taken = expected.length === 0 ? "options only" : expected.map(({ name }) => name).join(" ");
    throw new UsageError(`unexpected argument ${JSON.stringify(found[expected.length])}: the command takes ${taken}`);
  }
}
