/** Ctrl-C: once to stop cleanly, twice to stop at once. */
import { EXIT_CODES } from "./failure.ts";
import type { Output } from "./output.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Runs `body`; while it runs, the first Ctrl-C aborts its signal instead of ending the process, and the second one ends it. */
export async function interruptible<T>(output: Output, body: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const listener = (): void => {
    if (controller.signal.aborted) process.exit(EXIT_CODES.interrupted);
    output.note(`\n${output.paintNote("yellow", "stopping after this step; Ctrl-C again quits at once")}`);
    controller.abort();
  };
  for (const signal of SIGNALS) process.on(signal, listener);
  try {
    return await body(controller.signal);
  } finally {
    for (const signal of SIGNALS) process.off(signal, listener);
  }
}
