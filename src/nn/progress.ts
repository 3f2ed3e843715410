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

/** A stream as Node's `process.stderr`; browsers have none, and then nothing is shown. */
interface TextStream {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

const BAR_WIDTH = 24;
const REDRAW_MS = 80;

/**
 * A listener that draws on the standard error stream: a bar with rate and time left on a terminal, else a line an epoch.
 *
 * @param label what is being trained, shown first
 */
export function progressBar(label = "", stream: TextStream | undefined = standardError()): ProgressListener {
  let lastDrawn = 0;
  let isLineOpen = false;
  const clear = (): void => {
    if (isLineOpen) stream?.write("\r\u001b[K");
    isLineOpen = false;
  };
  return (event) => {
    if (!stream) return;
    if (event.kind === "step") {
      const now = performance.now();
      if (!stream.isTTY || now - lastDrawn < REDRAW_MS) return;
      lastDrawn = now;
      const line = stepLine(label, event);
      stream.write(`\r\u001b[K${line.slice(0, (stream.columns ?? 100) - 1)}`);
      isLineOpen = true;
    } else {
      clear();
      const text = event.kind === "note" ? event.text : epochLine(event.record, event.epochs);
      stream.write(`${withLabel(label, text)}\n`);
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

function stepLine(label: string, event: Extract<ProgressEvent, { kind: "step" }>): string {
  const { batch, batches } = event;
  const share = batches === undefined ? undefined : batch / batches;
  const bar = share === undefined ? `batch ${batch}` : `${drawBar(share)} ${Math.floor(share * 100)} %`;
  const texts = [`loss ${event.loss.toFixed(4)}`, ...metricTexts(event.metrics)];
  const rate = `${Math.round(event.samplesPerSecond)} samples/s`;
  return withLabel(
    label,
    `epoch ${event.epoch}/${event.epochs} ${bar}  ${texts.join("  ")}  ${rate}${timeLeft(event)}`,
  );
}

function timeLeft({ batch, batches, samplesPerSecond, ...event }: Extract<ProgressEvent, { kind: "step" }>): string {
  if (batches === undefined || batch === 0 || !(samplesPerSecond > 0)) return "";
  const seconds = ((batches - batch) * event.batchSize) / samplesPerSecond;
  return `  ${formatSeconds(seconds)} left`;
}

function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  return `${Math.floor(seconds / 60)}:${String(Math.round(seconds % 60)).padStart(2, "0")} min`;
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
