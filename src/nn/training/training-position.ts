/** Where a training stands, and how a checkpoint states it: as JSON, in which each number keeps all its bits. */
import { FileError } from "../../core/errors.ts";
import type { Shape } from "../../core/shape.ts";
import { parseBoundedJson } from "../../runtime/bounded-json.ts";
import { JsonReader } from "../../runtime/json-reader.ts";
import type { EpochRecord } from "./history.ts";
import type { MetricSum } from "./metrics.ts";

const VERSION = 1;
/** Far beyond any training; what is larger is an attack. */
const LIMITS = { length: 2 ** 26, depth: 6, values: 2 ** 22 };
const MAX_EPOCHS = 2 ** 18;
const MAX_NAMES = 2 ** 14;
const MAX_AXES = 16;
const MAX_TEXT = 10_000;

/** Where a training stands. */
export interface TrainingPosition {
  /** Epochs that are complete. */
  readonly epochs: readonly EpochRecord[];
  /** Batches done in the epoch that is not. */
  readonly batch: number;
  /** Optimizer steps done in total. */
  readonly step: number;
  /** Sum of the loss over the samples of the incomplete epoch, and their number. */
  readonly loss: MetricSum;
  /** One for each metric, over the same samples. */
  readonly metrics: readonly MetricSum[];
  /** Early stopping: the best value so far (absent before the first), and how many epochs ago it was. */
  readonly best?: number;
  readonly epochsSinceBest: number;
  /** Shape of the samples so far; absent before the first. */
  readonly sampleShape?: Shape;
}

/** The metadata text of a checkpoint. */
export function encodePosition(settings: Readonly<Record<string, string>>, position: TrainingPosition): string {
  // JSON has no NaN and no infinity, which metrics may have.
  const asText = (_: string, value: unknown): unknown =>
    typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
  return JSON.stringify({ version: VERSION, settings, position }, asText);
}

/** Reads what `encodePosition` wrote. @throws FileError when the text is anything else */
export function decodePosition(
  text: string,
  file: string,
): { settings: Record<string, string>; position: TrainingPosition } {
  const what = "the metadata of this checkpoint";
  const root = new JsonReader(parseBoundedJson(text, LIMITS, what, file), "checkpoint", file);
  const version = root.members(MAX_NAMES).get("version")?.value;
  if (version !== VERSION) {
    const written = typeof version === "number" ? `version ${version}` : "no version";
    throw new FileError(`${what} state ${written}; this release reads version ${VERSION}`, { file });
  }
  const { settings, position } = root.object(["version", "settings", "position"]);
  const fields = position.object(
    ["epochs", "batch", "step", "loss", "metrics", "epochsSinceBest"],
    ["best", "sampleShape"],
  );
  const epochs = fields.epochs.items(MAX_EPOCHS).map(decodeRecord);
  return {
    settings: decodeMap(settings, (reader) => reader.text(MAX_TEXT)),
    position: {
      epochs,
      batch: fields.batch.wholeNumber(0),
      step: fields.step.wholeNumber(0),
      loss: decodeSum(fields.loss),
      metrics: fields.metrics.items(MAX_NAMES).map(decodeSum),
      ...(fields.best && { best: decodeNumber(fields.best) }),
      epochsSinceBest: fields.epochsSinceBest.wholeNumber(0),
      ...(fields.sampleShape && { sampleShape: fields.sampleShape.items(MAX_AXES).map((size) => size.wholeNumber(1)) }),
    },
  };
}

function decodeRecord(reader: JsonReader, index: number): EpochRecord {
  const fields = reader.object(
    ["epoch", "loss", "metrics", "learningRate", "seconds"],
    ["validationLoss", "validationMetrics"],
  );
  const { epoch, validationLoss, validationMetrics } = fields;
  if (epoch.value !== index + 1) epoch.failExpecting(String(index + 1));
  return {
    epoch: index + 1,
    loss: decodeNumber(fields.loss),
    metrics: decodeMap(fields.metrics, decodeNumber),
    ...(validationLoss && { validationLoss: decodeNumber(validationLoss) }),
    ...(validationMetrics && { validationMetrics: decodeMap(validationMetrics, decodeNumber) }),
    learningRate: decodeNumber(fields.learningRate),
    seconds: decodeNumber(fields.seconds),
  };
}

function decodeSum(reader: JsonReader): MetricSum {
  const { sum, count } = reader.object(["sum", "count"]);
  return { sum: decodeNumber(sum), count: decodeNumber(count) };
}

function decodeMap<T>(reader: JsonReader, decode: (value: JsonReader) => T): Record<string, T> {
  return Object.fromEntries([...reader.members(MAX_NAMES)].map(([name, value]) => [name, decode(value)]));
}

function decodeNumber(reader: JsonReader): number {
  return typeof reader.value === "string" && /^(NaN|-?Infinity)$/.test(reader.value)
    ? Number(reader.value)
    : reader.finiteNumber();
}
