/** The progress of a conversion: a bar on a terminal, a line now and then in a log. */
import type { ConversionEvent } from "../../convert/convert-file.ts";
import { formatDuration } from "../../core/number-format.ts";
import { visibleText } from "../../core/visible-text.ts";
import { counted } from "../counted.ts";
import type { Output } from "../output.ts";

const CLEAR_LINE = "\r\u001b[K";
const REDRAW_MS = 80;
const LOG_LINE_MS = 30_000;
const BAR_WIDTH = 24;

/** What a conversion tells, and the end of it. */
export interface ConvertProgress {
  readonly onProgress: (event: ConversionEvent) => void;
  /** Layers whose errors are measured, before anything is converted. */
  readonly onMeasured: (done: number, total: number) => void;
  /** Takes the bar away. */
  readonly close: () => void;
}

/** Progress on standard error. */
export function convertProgress(output: Output): ConvertProgress {
  const { stderr } = output;
  const isTerminal = stderr.isTTY === true;
  const started = performance.now();
  let startedAt: number | undefined; // weights that were done before
  let nextDrawing = isTerminal ? 0 : started + LOG_LINE_MS;
  let isDrawn = false;

  const draw = (text: string): void => {
    const columns = (stderr.columns ?? 100) - 1;
    stderr.write(isTerminal ? `${CLEAR_LINE}${text.slice(0, columns)}` : `${text}\n`);
    isDrawn = isTerminal;
  };
  const close = (): void => {
    if (isDrawn) stderr.write(CLEAR_LINE);
    isDrawn = false;
  };
  const onProgress = (event: ConversionEvent): void => {
    if (event.kind === "resumed") {
      close();
      output.note(
        `going on: ${counted(event.tensors, "tensor")} ${event.tensors === 1 ? "was" : "were"} finished before`,
      );
      return;
    }
    if (event.kind !== "step") {
      if (isTerminal) draw(event.kind === "writing" ? "writing the file ..." : "reading the file back ...");
      return;
    }
    startedAt ??= event.done;
    const now = performance.now();
    if (now < nextDrawing) return;
    nextDrawing = now + (isTerminal ? REDRAW_MS : LOG_LINE_MS);
    const share = event.total === 0 ? 1 : event.done / event.total;
    const rate = (event.done - startedAt) / (now - started);
    const left = rate > 0 ? `${formatDuration((event.total - event.done) / rate / 1000)} left` : "";
    const percent = `${Math.floor(share * 100)}%`;
    const bar = "█".repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH, "░");
    draw(
      [...(isTerminal ? [bar] : ["converting"]), percent, left, visibleText(event.tensor)]
        .filter((part) => part !== "")
        .join("  "),
    );
  };
  const onMeasured = (done: number, total: number): void => {
    if (isTerminal) draw(`measuring what planes would cost: layer ${done + 1} of ${total}`);
  };
  return { onProgress, onMeasured, close };
}
