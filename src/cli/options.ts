/** The options of commands: each is declared once, and its help, its check and its type grow from that. */
import { UsageError } from "../core/errors.ts";
import { nearestName } from "./spelling.ts";

/** One option of a command; `T` is what the command gets. */
export interface Option<T> {
  /** What help writes for the value: `N`, `FILE`; absent for a flag, which takes none. */
  readonly placeholder?: string;
  /** One sentence, without a full stop. */
  readonly help: string;
  /** The names it takes, where it takes names. */
  readonly choices?: readonly Choice[];
  /** What the command gets where the option is not given. */
  readonly fallback: T;
  /**
   * The value of a text.
   *
   * @param flag the option as the user wrote it, for messages
   * @throws UsageError when the text is not allowed
   */
  parse(text: string, flag: string): T;
}

/** The options of a command, by their name in camel case: `batchSize` is `--batch-size`. */
export type OptionSet = Readonly<Record<string, Option<unknown>>>;

/** What a command gets for its options. */
export type OptionValues<Options extends OptionSet> = {
  readonly [Name in keyof Options]: Options[Name] extends Option<infer Value> ? Value : never;
};

/** A member of a list that an option may name. */
export interface Choice {
  readonly id: string;
  /** One line for help texts. */
  readonly summary: string;
}

/** An option that is there or not. */
export function flagOption(help: string): Option<boolean> {
  return { help, fallback: false, parse: () => true };
}

/** An option that takes a text, such as a path. */
export function textOption<Fallback extends string | undefined = undefined>(
  placeholder: string,
  help: string,
  fallback?: Fallback,
): Option<string | Fallback> {
  return {
    placeholder,
    help,
    fallback: fallback as Fallback,
    parse(text, flag) {
      if (text === "") throw new UsageError(`${flag} needs ${withArticle(placeholder.toLowerCase())}, got nothing`);
      return text;
    },
  };
}

/** What a number may be. */
export interface NumberSpec<Fallback extends number | undefined> {
  readonly placeholder?: string;
  readonly help: string;
  readonly fallback?: Fallback;
  /** Smallest value. */
  readonly least: number;
  /** Largest value; as large as float64 holds exactly without it. */
  readonly most?: number;
}

/** An option that takes a whole number. */
export function wholeNumberOption<Fallback extends number | undefined = undefined>(
  spec: NumberSpec<Fallback>,
): Option<number | Fallback> {
  const { placeholder = "N", help, fallback, least, most = Number.MAX_SAFE_INTEGER } = spec;
  return {
    placeholder,
    help,
    fallback: fallback as Fallback,
    parse(text, flag) {
      const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
      if (value >= least && value <= most) return value;
      const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
      throw new UsageError(`${flag} needs a whole number ${range}, got ${JSON.stringify(text)}`);
    },
  };
}

/** An option that takes a number greater than `least`. */
export function numberOption<Fallback extends number | undefined = undefined>(
  spec: NumberSpec<Fallback>,
): Option<number | Fallback> {
  const { placeholder = "X", help, fallback, least, most = Number.MAX_VALUE } = spec;
  return {
    placeholder,
    help,
    fallback: fallback as Fallback,
    parse(text, flag) {
      const value = text.trim() === "" ? Number.NaN : Number(text);
      if (value > least && value <= most) return value;
      const range = most === Number.MAX_VALUE ? `greater than ${least}` : `greater than ${least}, at most ${most}`;
      throw new UsageError(`${flag} needs a number ${range}, got ${JSON.stringify(text)}`);
    },
  };
}

/** An option that names a member of a list. */
export function choiceOption<Fallback extends string | undefined = undefined>(
  choices: readonly Choice[],
  help: string,
  fallback?: Fallback,
): Option<string | Fallback> {
  const ids = choices.map(({ id }) => id);
  return {
    placeholder: "NAME",
    help,
    choices,
    fallback: fallback as Fallback,
    parse(text, flag) {
      if (ids.includes(text)) return text;
      const meant = nearestName(text, ids);
      const suggestion = meant === undefined ? "" : `; did you mean ${meant}?`;
      throw new UsageError(`${flag} takes one of ${ids.join(", ")}, got ${JSON.stringify(text)}${suggestion}`);
    },
  };
}

/** `batchSize` as it is typed: `--batch-size`. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function withArticle(noun: string): string {
  return /^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`;
}
