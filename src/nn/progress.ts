/** Progress of a training: a bar on a terminal, a line an epoch elsewhere. */
import type { EpochRecord } from "./history.ts";

/** What a training tells while it runs. */
export type ProgressEvent =
  | {
      readonly kind: "step";
      readonly epoch: number;
      readonly epochs: number;
      /** Batches done in this epoch. */
      readonly batch: number;
      /** Batches of an epoch; undefined where the data do not tell. */
      readonly batches: number | undefined;
      /** Mean over the epoch so far. */
      readonly loss: number;
      readonly metrics: Readonly<Record<string, number>>;
      readonly batchSize: number;
      readonly samplesPerSecond: number;
    }
  | { readonly kind: "epoch"; readonly record: EpochRecord; readonly epochs: number }
  | { readonly kind: "note"; readonly text: string };

/** Receives the events of a training. */
export type ProgressListener = (event: ProgressEvent) => void;

type StepEvent = Extract<ProgressEvent, { kind: "step" }>;

const CLEAR_LINE = "\r\u001b[K";

/** A stream as Node's `process.stderr`; browsers have none, and then nothing is shown. */
interface TextStream {
  isTTY?: boolean | undefined;
  columns?: number | undefined;
  write(text: string): unknown;
}

const BAR_WIDTH = 24;
const REDRAW_MS = 80;
const LOG_LINE_MS = 30_000;
const DEFAULT_COLUMNS = 100;

/**
 * A listener that draws on the standard error stream: a bar with rate and time left on a terminal; else a line an epoch, and
 * one now and then during long ones.
 *
 * @param label what is being trained, shown first
 */
export function progressBar(label = "", stream: TextStream | undefined = standardError()): ProgressListener {
  let lastDrawn = performance.now();
  let isBarShown = false;
  return (event) => {
    if (!stream) return;
    const now = performance.now();
    if (event.kind !== "step") {
      const text = event.kind === "note" ? event.text : epochLine(event.record, event.epochs);
      stream.write(`${isBarShown ? CLEAR_LINE : ""}${withLabel(label, text)}\n`);
      isBarShown = false;
      lastDrawn = now;
    } else if (now - lastDrawn >= (stream.isTTY ? REDRAW_MS : LOG_LINE_MS)) {
      const line = withLabel(label, stepLine(event, stream.isTTY ?? false));
      const width = (stream.columns || DEFAULT_COLUMNS) - 1; // a line that wraps could not be drawn over
      stream.write(stream.isTTY ? CLEAR_LINE + line.slice(0, width) : `${line}\n`);
      isBarShown = stream.isTTY ?? false;
      lastDrawn = now;
    }
  };
}

/** One line about an epoch: `epoch 2/5  loss 0.1234  accuracy 97.1 %  validation ...  4.1 s`. */
export function epochLine(record: EpochRecord, epochs: number): string {
  const parts = [`epoch ${record.epoch}/${epochs}`, `loss ${record.loss.toFixed(4)}`, ...metricTexts(record.metrics)];
  if (record.validationLoss !== undefined) parts.push(`validation loss ${record.validationLoss.toFixed(4)}`);
  parts.push(...metricTexts(record.validationMetrics ?? {}).map((text) => `validation ${text}`));
  parts.push(`${record.seconds.toFixed(1)} s`);
  return parts.join("  ");
}

function stepLine(event: StepEvent, hasBar: boolean): string {
  const { epoch, epochs, batch, batches, loss, metrics, samplesPerSecond } = event;
  const parts = [`epoch ${epoch}/${epochs}`];
  if (batches === undefined) parts.push(`batch ${batch}`);
  else parts.push(`${hasBar ? `${drawBar(batch / batches)} ` : ""}${Math.floor((100 * batch) / batches)} %`);
  parts.push(`loss ${loss.toFixed(4)}`, ...metricTexts(metrics), `${Math.round(samplesPerSecond)} samples/s`);
  return [...parts, ...timeLeft(event)].join("  ");
}

/** Until the end of the training; nothing where the data do not tell their size. */
function timeLeft({ epoch, epochs, batch, batches, batchSize, samplesPerSecond }: StepEvent): string[] {
  if (batches === undefined || !(samplesPerSecond > 0)) return [];
  const batchesLeft = (epochs - epoch + 1) * batches - batch;
  return [`${formatSeconds((batchesLeft * batchSize) / samplesPerSecond)} left`];
}

function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const twoDigits = (value: number): string => String(value).padStart(2, "0");
  if (hours > 0) return `${hours}:${twoDigits(minutes)} h`;
  return minutes > 0 ? `${minutes}:${twoDigits(rest)} min` : `${rest} s`;
}

function drawBar(share: number): string {
  const filled = Math.round(share * BAR_WIDTH);
  return `${"█".repeat(filled)}${"░".repeat(BAR_WIDTH - filled)}`;
}

function metricTexts(metrics: Readonly<Record<string, number>>): string[] {
  return Object.entries(metrics).map(([name, value]) =>
    name === "accuracy" ? `accuracy ${(value * 100).toFixed(2)} %` : `${name} ${value.toPrecision(4)}`,
  );
}

function withLabel(label: string, text: string): string {
  return label === "" ? text : `${label}: ${text}`;
}

function standardError(): TextStream | undefined {
  return (globalThis as { process?: { stderr?: TextStream } }).process?.stderr;
}
