/** Values of a parsed JSON text with the path that leads to them: every reader checks its type, or says what it expected where. */
import { FileError } from "../core/errors.ts";
import { excerpt } from "../files/utf8.ts";

/** Far more than any object has whose members are known, so that an unknown one can be named. */
const MAX_OBJECT_MEMBERS = 64;

/** One value of a JSON text. */
export class JsonReader {
  readonly value: unknown;
  /** How messages call it: `bitlinear.nodes[3].op`. */
  readonly path: string;
  readonly #file: string;

  constructor(value: unknown, path: string, file: string) {
    this.value = value;
    this.path = path;
    this.#file = file;
  }

  /** The members of an object that has all of `required`, perhaps some of `optional`, and no others. @throws FileError */
  object<Required extends string, Optional extends string = never>(
    required: readonly Required[],
    optional: readonly Optional[] = [],
  ): Record<Required, JsonReader> & Partial<Record<Optional, JsonReader>> {
    const members = this.members(MAX_OBJECT_MEMBERS);
    const known: readonly string[] = [...required, ...optional];
    const missing = required.filter((name) => !members.has(name));
    if (missing.length > 0)
      this.#fail(`${this.path} must have ${missing.join(", ")}, which ${missing.length === 1 ? "is" : "are"} missing`);
    for (const name of members.keys()) {
      if (!known.includes(name)) this.#fail(`${this.path} has ${known.join(", ")}, got ${excerpt(name)}`);
    }
    return Object.fromEntries(members) as Record<Required, JsonReader> & Partial<Record<Optional, JsonReader>>;
  }

  /** The members of an object of any names, in order. @throws FileError when it is no object, or has more than `most` */
  members(most: number): Map<string, JsonReader> {
    const { value } = this;
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    if (!isObject || Object.keys(value).length > most) this.failExpecting(`an object of at most ${most} members`);
    return new Map(Object.entries(value).map(([name, member]) => [name, this.#child(member, memberPath(name))]));
  }

  /** The items of a list. @throws FileError when it is no list, or longer than `most` */
  items(most: number): JsonReader[] {
    if (!Array.isArray(this.value) || this.value.length > most) this.failExpecting(`a list of at most ${most} items`);
    return this.value.map((item, i) => this.#child(item, `[${i}]`));
  }

  /** A text. @throws FileError when it is none, or longer than `most` characters */
  text(most: number): string {
    if (typeof this.value === "string" && this.value.length <= most) return this.value;
    return this.failExpecting(`a text of at most ${most} characters`);
  }

  /** A whole number that float64 holds exactly. @throws FileError when it is none, or below `least` */
  wholeNumber(least: number): number {
    if (typeof this.value === "number" && Number.isSafeInteger(this.value) && this.value >= least) return this.value;
    return this.failExpecting(`a whole number from ${least} to 2^53 - 1`);
  }

  /** A number. @throws FileError when it is none, or too large for float64 */
  finiteNumber(): number {
    if (typeof this.value === "number" && Number.isFinite(this.value)) return this.value;
    return this.failExpecting("a finite number");
  }

  /** Throws what was expected against what is there. */
  failExpecting(what: string): never {
    return this.#fail(`${this.path} must be ${what}, got ${describeJson(this.value)}`);
  }

  #child(value: unknown, step: string): JsonReader {
    return new JsonReader(value, this.path + step, this.#file);
  }

  #fail(problem: string): never {
    throw new FileError(`${problem}: the file is damaged or of another program`, { file: this.#file });
  }
}

function memberPath(name: string): string {
  return /^[A-Za-z]\w{0,60}$/.test(name) ? `.${name}` : `[${excerpt(name)}]`;
}

function describeJson(value: unknown): string {
  if (typeof value === "string") return excerpt(value);
  if (Array.isArray(value)) return `a list of ${value.length} items`;
  return typeof value === "object" && value !== null
    ? `an object of ${Object.keys(value).length} members`
    : String(value);
}
