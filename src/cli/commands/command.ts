/** What the command line can do: the contract of every command. */
import type { ArgumentSpec, ParsedArguments } from "../arguments.ts";
import type { OptionSet, OptionValues } from "../options.ts";
import type { Output } from "../output.ts";

/** Where a command runs. */
export interface CommandContext {
  readonly output: Output;
  /** What was typed after the command's name, to be repeated in advice. */
  readonly typed: readonly string[];
}

/** A command with its options. */
export interface Command extends ArgumentSpec {
  /** Paragraphs below the usage line of its help. */
  readonly details: readonly string[];
  /** Lines to type, without the program's name. */
  readonly examples: readonly string[];
  /** @returns the exit code: 0 unless what the command was to show turned out wrong */
  run(parsed: ParsedArguments, context: CommandContext): Promise<number>;
}

/** A command of the list, loaded only when it is asked for. */
export interface CommandEntry {
  readonly id: string;
  /** One line for the list of commands and its own help. */
  readonly summary: string;
  load(): Promise<Command>;
}

/** A command as its file states it, with the types of its options. */
export interface CommandDefinition<Options extends OptionSet> {
  readonly options: Options;
  readonly positionals?: Command["positionals"];
  readonly details?: Command["details"];
  readonly examples?: Command["examples"];
  run(options: OptionValues<Options>, context: CommandContext, positionals: readonly string[]): Promise<number>;
}

/** A command whose `run` gets its options typed. */
export function defineCommand<Options extends OptionSet>(definition: CommandDefinition<Options>): Command {
  const { options, positionals = [], details = [], examples = [] } = definition;
  return {
    options,
    positionals,
    details,
    examples,
    // The parser gives a value for every option, made by the option itself.
    run: (parsed, context) => definition.run(parsed.values as OptionValues<Options>, context, parsed.positionals),
  };
}
