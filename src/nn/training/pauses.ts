/** Pauses of a long computation, in which timers, signals and a browser's page get their turn. */

const INTERVAL_MS = 20;

/**
 * Where the engine computes on this thread, awaiting its results never leaves the thread: without pauses no Ctrl-C, no
 * `setTimeout` and no click would be seen before the end.
 */
export class Pauses {
  #last: number = performance.now();

  /** Resolves at once, or after a turn of the event loop when the last one is some time ago. */
  async take(): Promise<void> {
    if (performance.now() - this.#last < INTERVAL_MS) return;
    // A message to oneself: unlike a timer it does not wait, and browsers and Node both have it.
    await new Promise<void>((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      port2.postMessage(undefined);
    });
    this.#last = performance.now();
  }
}
