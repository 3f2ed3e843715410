/** Checkpoints: everything a training needs to go on to the same bits, in one safetensors file. */
import { FileError, UsageError } from "../core/errors.ts";
import {
  parseSafetensors,
  readBytes,
  readFloat32,
  tensorEntry,
  writeFileAtomic,
  writeSafetensors,
} from "../files/index.ts";
import type { EpochRecord } from "./history.ts";
import type { Module } from "./module.ts";
import type { Optimizer } from "./optimizers/index.ts";

const VERSION = 1;
const METADATA_KEY = "bitlinear-checkpoint";
const PARAMETER_PREFIX = "model.";
const SLOT_PREFIX = "optimizer.";
const BEST_PREFIX = "best.";

/** Where a training stands. */
export interface TrainingPosition {
  /** Epochs that are complete. */
  readonly epoch: number;
  /** Batches done in the epoch that is not. */
  readonly batch: number;
  /** Optimizer steps done in total. */
  readonly step: number;
  /** Sums of loss, samples and metrics over the incomplete epoch. */
  readonly lossSum: number;
  readonly sampleCount: number;
  readonly metricSums: readonly (readonly [number, number])[];
  readonly epochs: readonly EpochRecord[];
  /** Early stopping: the best value so far (absent before the first), and how many epochs ago it was. */
  readonly best?: number;
  readonly epochsSinceBest: number;
}

/** What must be the same for a training to go on as if it had not stopped. */
export interface TrainingIdentity {
  readonly seed: number;
  readonly batchSize: number;
  readonly isShuffled: boolean;
  readonly optimizer: string;
  readonly optimizerOptions: Readonly<Record<string, number | boolean>>;
}

/** A checkpoint in memory. */
export interface Checkpoint {
  readonly identity: TrainingIdentity;
  readonly position: TrainingPosition;
  /** Optimizer arrays, as `TrainingState` orders them. */
  readonly slots: readonly Float32Array[];
  /** Parameters of the best epoch, by name, for early stopping that restores them. */
  readonly bestState?: Readonly<Record<string, Float32Array>>;
}

/** Writes the parameters of a module and the state of its training, atomically. @throws FileError when it cannot be written */
export async function writeCheckpoint(
  path: string,
  module: Module,
  optimizer: Optimizer,
  checkpoint: Checkpoint,
): Promise<void> {
  const named = module.namedParameters();
  const trainable = named.filter(([, { isTrainable }]) => isTrainable);
  const { bestState } = checkpoint;
  const entries = [
    ...named.map(([name, { shape, value }]) => tensorEntry(PARAMETER_PREFIX + name, shape, value)),
    ...checkpoint.slots.map((values, i) => {
      const [name, { shape }] = trainable[i % trainable.length];
      return tensorEntry(slotName(optimizer, Math.floor(i / trainable.length), name), shape, values);
    }),
    ...(bestState ? named.map(([name, { shape }]) => tensorEntry(BEST_PREFIX + name, shape, bestState[name])) : []),
  ];
  const { identity, position } = checkpoint;
  const metadata = { [METADATA_KEY]: JSON.stringify({ version: VERSION, identity, position }) };
  await writeFileAtomic(path, writeSafetensors(entries, metadata));
}

/**
 * Reads a checkpoint into a module.
 *
 * @throws FileError when the file is damaged or belongs to another model, UsageError when it was made with other settings
 */
export async function readCheckpoint(
  path: string,
  module: Module,
  optimizer: Optimizer,
  identity: TrainingIdentity,
): Promise<Checkpoint> {
  const { bytes, file } = await readBytes(path);
  const { tensors, metadata } = parseSafetensors(bytes, file);
  const { position } = readMetadata(metadata[METADATA_KEY], file, identity);
  const valuesOf = (name: string, size: number): Float32Array => {
    const entry = tensors.get(name);
    if (!entry)
      throw new FileError("this checkpoint belongs to another model or optimizer: the tensor is missing", {
        file,
        tensor: name,
      });
    const values = readFloat32(entry, file);
    if (values.length !== size) {
      throw new FileError(`this checkpoint belongs to another model: expected ${size} values, got ${values.length}`, {
        file,
        tensor: name,
      });
    }
    return values.slice();
  };
  const named = module.namedParameters();
  const trainable = named.filter(([, { isTrainable }]) => isTrainable);
  const values = named.map(([name, { size }]) => valuesOf(PARAMETER_PREFIX + name, size));
  const slots = optimizer.slotNames.flatMap((_, slot) =>
    trainable.map(([name, { size }]) => valuesOf(slotName(optimizer, slot, name), size)),
  );
  const hasBest = [...tensors.keys()].some((name) => name.startsWith(BEST_PREFIX));
  const bestState =
    hasBest && Object.fromEntries(named.map(([name, { size }]) => [name, valuesOf(BEST_PREFIX + name, size)]));
  named.forEach(([, parameter], i) => {
    parameter.value = values[i];
  });
  return { identity, position, slots, ...(bestState && { bestState }) };
}

function readMetadata(
  text: string | undefined,
  file: string,
  identity: TrainingIdentity,
): { position: TrainingPosition } {
  if (text === undefined)
    throw new FileError("this is no checkpoint of a bitlinear training: its metadata are missing", { file });
  let parsed: { version?: unknown; identity?: TrainingIdentity; position?: TrainingPosition };
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new FileError("the metadata of this checkpoint are no JSON", { file }, { cause });
  }
  if (parsed.version !== VERSION) {
    throw new FileError(`this checkpoint was written as version ${parsed.version}; this release reads ${VERSION}`, {
      file,
    });
  }
  const { position } = parsed;
  if (!isPosition(position))
    throw new FileError("the metadata of this checkpoint do not tell where the training stood", { file });
  const [was, is] = [JSON.stringify(parsed.identity), JSON.stringify(identity)];
  if (was !== is) {
    throw new UsageError(
      `${file} was made with other settings, so it cannot be resumed to the same result: it has ${was}, this training ${is}`,
    );
  }
  return { position };
}

function isPosition(position: TrainingPosition | undefined): position is TrainingPosition {
  const counts = [position?.epoch, position?.batch, position?.step, position?.sampleCount, position?.epochsSinceBest];
  return (
    counts.every((count) => Number.isSafeInteger(count) && (count as number) >= 0) &&
    Number.isFinite(position?.lossSum) &&
    Array.isArray(position?.metricSums) &&
    Array.isArray(position?.epochs)
  );
}

function slotName(optimizer: Optimizer, slot: number, parameterName: string): string {
  return `${SLOT_PREFIX}${optimizer.slotNames[slot]}.${parameterName}`;
}
