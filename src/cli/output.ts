/** Where commands write: results to standard output, as text or as lines of JSON; progress and notes to standard error. */
import { styleText } from "node:util";

/** A stream as `process.stdout` is one. */
export interface TextStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
  /** Whether it is a terminal with colours; heeds `NO_COLOR` and `FORCE_COLOR`. */
  hasColors?(): boolean;
}

/** How a piece of text stands out on a terminal with colours. */
export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "blue" | "cyan" | "magenta";

const WIDTH_WITHOUT_TERMINAL = 100;
const GREATEST_WIDTH = 120;

/** The two streams of a command, and whether a person or a machine reads them. */
export class Output {
  /** Whether standard output takes lines of JSON only. */
  readonly isJson: boolean;
  readonly #stdout: TextStream;
  readonly #stderr: TextStream;

  constructor(isJson: boolean, stdout: TextStream = process.stdout, stderr: TextStream = process.stderr) {
    this.isJson = isJson;
    this.#stdout = stdout;
    this.#stderr = stderr;
  }

  /** For progress bars. */
  get stderr(): TextStream {
    return this.#stderr;
  }

  /** Whether standard output is a terminal, whose lines have an end. */
  get isTerminal(): boolean {
    return this.#stdout.isTTY === true;
  }

  /** Characters of a line for a person. */
  get width(): number {
    return Math.min(this.#stdout.columns ?? WIDTH_WITHOUT_TERMINAL, GREATEST_WIDTH);
  }

  /** Lines for a person on standard output; nothing where a machine reads. */
  print(text = ""): void {
    if (!this.isJson) this.#stdout.write(`${text}\n`);
  }

  /** A line for a machine on standard output; nothing where a person reads. */
  emit(record: Readonly<Record<string, unknown>>): void {
    if (this.isJson) this.#stdout.write(`${JSON.stringify(record)}\n`);
  }

  /** Lines for a person beside the result, on standard error. */
  note(text: string): void {
    this.#stderr.write(`${text}\n`);
  }

  /** A heading for a person: on standard output, or beside the result where that is for a machine. */
  heading(text: string): void {
    if (this.isJson) this.note(text);
    else this.print(`\n${this.paint("bold", text)}`);
  }

  /** Text for `print` with a style, where standard output shows styles. */
  paint(style: Style, text: string): string {
    return paintFor(this.#stdout, style, text);
  }

  /** The same for `note`. */
  paintNote(style: Style, text: string): string {
    return paintFor(this.#stderr, style, text);
  }
}

function paintFor(stream: TextStream, style: Style, text: string): string {
  return stream.hasColors?.() === true ? styleText(style, text, { validateStream: false }) : text;
}
