/** The progress of a training for a person at a terminal or a log: a bar that fits the line, and a line for each epoch. */
import type { EpochRecord, ProgressEvent, ProgressListener } from "../../nn/index.ts";
import { formatCount, formatDuration, formatPercent } from "../../report/drawing/number-format.ts";
import type { Output } from "../output.ts";

const BAR_WIDTH = 24;
const REDRAW_MS = 80;
const WIDTH_WITHOUT_TERMINAL = 80;
const CLEAR_LINE = "\r\u001b[K";

type StepEvent = Extract<ProgressEvent, { kind: "step" }>;

/**
 * A listener for `fit` that writes to standard error.
 *
 * @param label what is being trained
 */
export function progressDisplay(label: string, output: Output): ProgressListener {
  const { stderr } = output;
  let lastDrawn = Number.NEGATIVE_INFINITY;
  let isBarShown = false;
  return (event) => {
    if (event.kind === "step") {
      const now = performance.now();
      if (stderr.isTTY !== true || now - lastDrawn < REDRAW_MS) return;
      lastDrawn = now;
      isBarShown = true;
      stderr.write(CLEAR_LINE + stepLine(label, event, output));
      return;
    }
    if (isBarShown) stderr.write(CLEAR_LINE);
    isBarShown = false;
    if (event.kind === "note") output.note(output.paintNote("dim", event.text));
    else output.note(`${output.paintNote("dim", label)}  ${epochLine(event.record, event.epochs)}`);
  };
}

/** `epoch 2/5  loss 0.1234  accuracy 97.1%  test 96.50%  4.1 s` */
function epochLine({ epoch, loss, metrics, validationMetrics, seconds }: EpochRecord, epochs: number): string {
  const parts = [`${epochOf(epoch, epochs)}  loss ${loss.toFixed(4)}`, `accuracy ${formatPercent(metrics.accuracy)}`];
  if (validationMetrics) parts.push(`test ${formatPercent(validationMetrics.accuracy, 2)}`);
  return [...parts, formatDuration(seconds)].join("  ");
}

function stepLine(label: string, event: StepEvent, output: Output): string {
  const { epoch, epochs, batch, batches = batch, loss, metrics } = event;
  const filled = Math.round((batch / batches) * BAR_WIDTH);
  const left = ((epochs - epoch) * batches + batches - batch) * (event.batchSize / event.samplesPerSecond);
  const start = `${label}  ${epochOf(epoch, epochs)}  `;
  const figures = [
    `  ${formatDuration(Math.ceil(left))} left`,
    `  loss ${loss.toFixed(4)}`,
    `  accuracy ${formatPercent(metrics.accuracy)}`,
    `  ${formatCount(event.samplesPerSecond)} samples/s`,
  ];
  let room = (output.stderr.columns ?? WIDTH_WITHOUT_TERMINAL) - 1 - start.length - BAR_WIDTH;
  // What does not fit is left out: a line that wraps could not be drawn over.
  const shown = figures.filter((figure) => {
    room -= figure.length;
    return room >= 0;
  });
  const bar = output.paintNote("green", "█".repeat(filled)) + output.paintNote("dim", "░".repeat(BAR_WIDTH - filled));
  return `${output.paintNote("dim", label)}  ${epochOf(epoch, epochs)}  ${bar}${shown.join("")}`;
}

function epochOf(epoch: number, epochs: number): string {
  return `epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}`;
}
