/** Ctrl-C: once to stop cleanly, twice to stop at once. */
import { EXIT_CODES } from "./failure.ts";
import type { Output } from "./output.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** While it lives, the first Ctrl-C aborts its signal instead of ending the process; the second one ends it. */
export class Interruption implements Disposable {
  readonly #controller = new AbortController();
  readonly #listener: () => void;

  /** @param advice what the first Ctrl-C says */
  constructor(output: Output, advice: string) {
    this.#listener = () => {
      if (this.#controller.signal.aborted) process.exit(EXIT_CODES.interrupted);
      output.note(`\n${output.paintNote("yellow", advice)}`);
      this.#controller.abort();
    };
    for (const signal of SIGNALS) process.on(signal, this.#listener);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    for (const signal of SIGNALS) process.off(signal, this.#listener);
  }
}
