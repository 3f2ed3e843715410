/** Progress of a training: a bar on a terminal, a line an epoch elsewhere. */
import { formatCount } from "../../core/number-format.ts";
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
      /** Names of the metrics that are shares of 1, shown in percent. */
      readonly shares: readonly string[];
      readonly batchSize: number;
      readonly samplesPerSecond: number;
    }
  | {
      readonly kind: "epoch";
      readonly record: EpochRecord;
      readonly epochs: number;
      /** Names of the metrics that are shares of 1, shown in percent. */
      readonly shares: readonly string[];
    }
  | { readonly kind: "note"; readonly text: string };

/** Receives the events of a training. */
export type ProgressListener = (event: ProgressEvent) => void;

type StepEvent = Extract<ProgressEvent, { kind: "step" }>;
type EpochEvent = Extract<ProgressEvent, { kind: "epoch" }>;

/** A stream as Node's `process.stderr`; browsers have none, and then nothing is shown. */
export interface TextStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** How progress looks, and where. */
export interface ProgressBarOptions {
  /** The standard error stream by default. */
  stream?: TextStream | undefined;
  /** Characters of the bar; 24 by default. */
  barWidth?: number;
  /** What measures of the validation data start with; `"validation"` by default. */
  validationName?: string;
  /** Gives a part of a line its style, in characters that take no room; plain by default. */
  paint?: (part: "label" | "done" | "left" | "note", text: string) => string;
}

/** A piece of a line, and how it is written. */
interface Segment {
  readonly text: string;
  readonly painted: string;
}

const CLEAR_LINE = "\r\u001b[K";
const REDRAW_MS = 80;
const LOG_LINE_MS = 30_000;
const DEFAULT_BAR_WIDTH = 24;
const DEFAULT_COLUMNS = 100;
const SEPARATOR = "  ";

/**
 * A listener that draws on the standard error stream: a bar with rate and time left on a terminal; else a line an epoch, and
 * one every half a minute during long ones.
 *
 * @param label what is being trained, shown first
 */
export function progressBar(label = "", options: ProgressBarOptions = {}): ProgressListener {
  const { stream = standardError(), barWidth = DEFAULT_BAR_WIDTH, validationName, paint = plain } = options;
  if (!stream) return () => {};
  const isTerminal = stream.isTTY === true;
  const start = label === "" ? [] : [{ text: label, painted: paint("label", label) }];
  let nextDrawing = isTerminal ? Number.NEGATIVE_INFINITY : performance.now() + LOG_LINE_MS;
  let isBarShown = false;
  return (event) => {
    const now = performance.now();
    if (event.kind === "step") {
      if (now < nextDrawing) return;
      const middle = segmentsOf(event, isTerminal ? barWidth : 0, paint);
      // A line that wraps could not be drawn over.
      const room = isTerminal ? (stream.columns || DEFAULT_COLUMNS) - 1 : Number.POSITIVE_INFINITY;
      const line = join(fitting([...start, ...middle], room));
      stream.write(isTerminal ? CLEAR_LINE + line : `${line}\n`);
    } else {
      const text = event.kind === "note" ? paint("note", event.text) : epochLine(event, validationName);
      stream.write(`${isBarShown ? CLEAR_LINE : ""}${join([...start, asIs(text)])}\n`);
    }
    isBarShown = event.kind === "step" && isTerminal;
    nextDrawing = now + (isTerminal ? REDRAW_MS : LOG_LINE_MS);
  };
}

/** One line about an epoch: `epoch 2/5  loss 0.1234  accuracy 97.12%  validation loss ...  4.1 s`. */
export function epochLine({ record, epochs, shares }: EpochEvent, validationName = "validation"): string {
  const { epoch, loss, metrics, validationLoss, validationMetrics = {}, seconds } = record;
  const validation = metricTexts(validationMetrics, shares);
  if (validationLoss !== undefined) validation.unshift(lossText(validationLoss));
  return [
    epochOf(epoch, epochs),
    lossText(loss),
    ...metricTexts(metrics, shares),
    ...validation.map((text) => `${validationName} ${text}`),
    `${seconds.toFixed(1)} s`,
  ].join(SEPARATOR);
}

/** What matters most comes first: on a narrow terminal the rest is left out. A width of 0 is no bar. */
function segmentsOf(
  event: StepEvent,
  barWidth: number,
  paint: NonNullable<ProgressBarOptions["paint"]>,
): readonly Segment[] {
  const { epoch, epochs, batch, batches, loss, metrics, shares, samplesPerSecond } = event;
  const segments = [asIs(epochOf(epoch, epochs))];
  if (batches === undefined) segments.push(asIs(`batch ${batch}`));
  else {
    const done = Math.round((batch / batches) * barWidth);
    const [filled, empty] = ["█".repeat(done), "░".repeat(barWidth - done)];
    if (barWidth > 0) segments.push({ text: filled + empty, painted: paint("done", filled) + paint("left", empty) });
    segments.push(asIs(`${Math.floor((100 * batch) / batches)}%`));
  }
  const rate = `${formatCount(samplesPerSecond)} samples/s`;
  const figures = [...timeLeft(event), lossText(loss), ...metricTexts(metrics, shares), rate];
  return [...segments, ...figures.map(asIs)];
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

function epochOf(epoch: number, epochs: number): string {
  return `epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}`;
}

function lossText(loss: number): string {
  return `loss ${loss.toFixed(4)}`;
}

function metricTexts(metrics: Readonly<Record<string, number>>, shares: readonly string[]): string[] {
  return Object.entries(metrics).map(([name, value]) =>
    shares.includes(name) ? `${name} ${(value * 100).toFixed(2)}%` : `${name} ${value.toPrecision(4)}`,
  );
}

/** The segments that a line of `room` characters holds, in order; those that do not fit are left out. */
function fitting(segments: readonly Segment[], room: number): readonly Segment[] {
  let left = room + SEPARATOR.length; // the first has none before it
  return segments.filter(({ text }) => {
    const length = SEPARATOR.length + text.length;
    if (length > left) return false;
    left -= length;
    return true;
  });
}

function join(segments: readonly Segment[]): string {
  return segments.map(({ painted }) => painted).join(SEPARATOR);
}

function asIs(text: string): Segment {
  return { text, painted: text };
}

function plain(_part: string, text: string): string {
  return text;
}

function standardError(): TextStream | undefined {
  return (globalThis as { process?: { stderr?: TextStream } }).process?.stderr;
}
