/** The progress of a training as commands show it. */
import { type ProgressListener, progressBar } from "../../nn/index.ts";
import type { Output } from "../output.ts";

const STYLES = { label: "dim", done: "green", left: "dim", note: "dim" } as const;

/**
 * A listener for `fit` that writes to standard error.
 *
 * @param label what is being trained
 */
export function progressDisplay(label: string, output: Output): ProgressListener {
  return progressBar(label, {
    stream: output.stderr,
    validationName: "test",
    paint: (part, text) => output.paintNote(STYLES[part], text),
  });
}
