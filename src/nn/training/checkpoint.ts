/** Checkpoints: everything a training needs to go on to the same bits, in one safetensors file. */
import { FileError, UsageError } from "../../core/errors.ts";
import { formatShape, sameShape } from "../../core/shape.ts";
import {
  parseSafetensors,
  readBytes,
  readFloat32,
  type SafetensorsFile,
  type TensorEntry,
  tensorEntry,
  writeFileAtomic,
  writeSafetensors,
} from "../../files/index.ts";
import type { Parameter } from "../../tensor/index.ts";
import { distinctParameters } from "../distinct-parameters.ts";
import type { Module } from "../module.ts";
import type { Optimizer } from "../optimizers/index.ts";
import { decodePosition, encodePosition, type TrainingPosition } from "./training-position.ts";

const METADATA_KEY = "bitlinear-checkpoint";
const PARAMETER_PREFIX = "model.";
const SLOT_PREFIX = "optimizer.";
const BEST_PREFIX = "best.";

/** What a training asks of a checkpoint to go on from. */
export interface ResumePlan {
  /** What must be the same for a training to go on as if it had not stopped: settings as JSON texts, by name. */
  readonly settings: TrainingSettings;
  /** Batches of an epoch; undefined where the data do not tell. */
  readonly batches: number | undefined;
  /** Number of metrics. */
  readonly metricCount: number;
  /** Whether the parameters of the best epoch, if there was one, have to be kept. */
  readonly keepsBest: boolean;
}

/** Settings as JSON texts, by name. */
export type TrainingSettings = Readonly<Record<string, string>>;

/** A training at some moment, beside the parameters of its module. */
export interface Checkpoint {
  readonly position: TrainingPosition;
  /** Optimizer arrays, as `TrainingState` orders them. */
  readonly slots: readonly Float32Array[];
  /** Parameters of the best epoch, in the order of `namedParameters`, for early stopping that restores them. */
  readonly bestParameters?: readonly Float32Array[];
}

/** Writes the parameters of a module and the state of its training, atomically. @throws FileError when it cannot be written */
export async function writeCheckpoint(
  path: string,
  module: Module,
  optimizer: Optimizer,
  settings: TrainingSettings,
  { position, slots, bestParameters }: Checkpoint,
): Promise<void> {
  const named = module.namedParameters();
  const entries = [
    ...named.map(([name, { shape, value }]) => tensorEntry(PARAMETER_PREFIX + name, shape, value)),
    ...slotsOf(module, optimizer).map(([name, { shape }], i) => tensorEntry(name, shape, slots[i])),
    ...(bestParameters
      ? named.map(([name, { shape }], i) => tensorEntry(BEST_PREFIX + name, shape, bestParameters[i]))
      : []),
  ];
  const metadata = { [METADATA_KEY]: encodePosition(settings, position) };
  await writeFileAtomic(path, writeSafetensors(entries, metadata));
}

/**
 * Reads a checkpoint; the parameters go into the module once everything has been found in order.
 *
 * @throws FileError when the file is damaged or belongs to another model, UsageError when it was made with other settings
 */
export async function readCheckpoint(
  path: string,
  module: Module,
  optimizer: Optimizer,
  plan: ResumePlan,
): Promise<Checkpoint> {
  const { bytes, file } = await readBytes(path);
  const parsed = parseSafetensors(bytes, file);
  const text = parsed.metadata[METADATA_KEY];
  if (text === undefined) {
    throw new FileError("this is no checkpoint of a bitlinear training: its metadata are missing", { file });
  }
  const { settings: earlier, position } = decodePosition(text, file);
  checkSettings(earlier, plan.settings, file);
  checkPosition(position, plan, file);
  const named = module.namedParameters();
  const slots = slotsOf(module, optimizer);
  const hasBest = plan.keepsBest && position.best !== undefined;
  const prefixed = (prefix: string): NamedParameter[] => named.map(([name, parameter]) => [prefix + name, parameter]);
  const read = tensorReader(parsed, file, [
    ...prefixed(PARAMETER_PREFIX),
    ...slots,
    ...(hasBest ? prefixed(BEST_PREFIX) : []),
  ]);
  const values = prefixed(PARAMETER_PREFIX).map(read);
  const checkpoint = {
    position,
    slots: slots.map(read),
    ...(hasBest && { bestParameters: prefixed(BEST_PREFIX).map(read) }),
  };
  named.forEach(([, parameter], i) => {
    parameter.value = values[i];
  });
  return checkpoint;
}

type NamedParameter = [string, Parameter];

/** The optimizer's arrays by their names in the file, each with the parameter whose shape it has. */
function slotsOf(module: Module, { slotNames }: Optimizer): NamedParameter[] {
  const trainable = distinctParameters(module).filter(([, { isTrainable }]) => isTrainable);
  return slotNames.flatMap((slot) =>
    trainable.map(([name, parameter]): NamedParameter => [`${SLOT_PREFIX}${slot}.${name}`, parameter]),
  );
}

/** Checks that a file holds exactly the expected tensors and gives a function that reads one of them. */
function tensorReader(
  { tensors }: SafetensorsFile,
  file: string,
  expected: readonly NamedParameter[],
): (named: NamedParameter) => Float32Array {
  const names = new Set(expected.map(([name]) => name));
  const extra = [...tensors.keys()].find((name) => !names.has(name));
  if (extra !== undefined) throw foreign("this model and optimizer have no such tensor", file, extra);
  const entries = new Map<string, TensorEntry>();
  for (const [name, { shape }] of expected) {
    const entry = tensors.get(name);
    if (!entry) throw foreign("the tensor is missing", file, name);
    if (!sameShape(entry.shape, shape)) {
      throw foreign(`expected the shape ${formatShape(shape)}, got ${formatShape(entry.shape)}`, file, name);
    }
    entries.set(name, entry);
  }
  return ([name]) => readFloat32(entries.get(name) as TensorEntry, file).slice();
}

function foreign(problem: string, file: string, tensor: string): FileError {
  return new FileError(`this checkpoint belongs to another model or optimizer: ${problem}`, { file, tensor });
}

/** A position that no training reaches would lead to sums over nothing, or past the end of the data. */
function checkPosition(position: TrainingPosition, { batches, metricCount }: ResumePlan, file: string): void {
  const { epochs, batch, step, metrics } = position;
  const isReachable =
    batches === undefined
      ? step >= epochs.length + batch
      : batch <= batches && step === epochs.length * batches + batch;
  if (isReachable && metrics.length === metricCount) return;
  throw new FileError(
    `the metadata of this checkpoint contradict themselves: ${epochs.length} epochs, batch ${batch}, step ${step}, ${metrics.length} metrics`,
    { file },
  );
}

function checkSettings(earlier: TrainingSettings, present: TrainingSettings, file: string): void {
  const names = [...new Set([...Object.keys(earlier), ...Object.keys(present)])];
  const differences = names
    .filter((name) => earlier[name] !== present[name])
    .map((name) => `${name} was ${earlier[name] ?? "absent"}, is ${present[name] ?? "absent"}`.slice(0, 200));
  if (differences.length === 0) return;
  throw new UsageError(
    `${file} was made with other settings, so it cannot be resumed to the same result: ${differences.slice(0, 8).join("; ")}`,
  );
}
