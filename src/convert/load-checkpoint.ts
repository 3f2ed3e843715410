/** A checkpoint of any kind into the modules of a model, by name: floats as parameters, ternary weights as frozen planes. */
import { ShapeError, UsageError } from "../core/errors.ts";
import type { TernaryMatrix } from "../core/ternary-matrix.ts";
import type { ByteSource } from "../files/index.ts";
import {
  Conv2d,
  Linear,
  type Module,
  type StateDict,
  type StateEntry,
  type TernarizeOptions,
  ternarize,
} from "../nn/index.ts";
import type { OpenCheckpointOptions } from "./checkpoint-source.ts";
import type { CheckpointTensor, TernaryTensor } from "./checkpoints/checkpoint.ts";
import { openCheckpoint } from "./checkpoints/index.ts";
import { fewestScales, usedScales } from "./fewest-scales.ts";
import { addedPlanes, blockOfPlane } from "./row-blocks.ts";

/** How a checkpoint is loaded. */
export interface LoadCheckpointOptions extends OpenCheckpointOptions, Pick<TernarizeOptions, "activation"> {
  /** False accepts parameters that the file does not have, and tensors that the model does not have; true by default. */
  readonly strict?: boolean;
}

/** What was loaded. */
export interface LoadedCheckpoint {
  /** The model that was given, unless it was itself a layer that became ternary. */
  readonly model: Module;
  /** Paths of the layers that are `TernaryLinear` or `TernaryConv2d` now. */
  readonly ternary: readonly string[];
}

/**
 * Loads a checkpoint into a model of float layers whose parameters have the names of the tensors. `Linear` and `Conv2d`
 * layers whose weight is ternary in the file are replaced by frozen ternary ones; ternary weights of other modules are
 * multiplied out.
 *
 * @throws FileError when the file cannot be read or is damaged
 * @throws ShapeError naming the file when names or shapes do not fit, listing them all; nothing is loaded then
 * @throws UnsupportedError for ternary weights whose scales differ within a row
 */
export async function loadCheckpoint(
  model: Module,
  source: ByteSource,
  options: LoadCheckpointOptions = {},
): Promise<LoadedCheckpoint> {
  const { strict = true, activation } = options;
  await using checkpoint = await openCheckpoint(source, options);
  const state: Record<string, StateEntry> = {};
  const planes = new Map<string, readonly TernaryMatrix[]>();
  for (const tensor of checkpoint.tensors.values()) {
    if (tensor.kind === "other") continue;
    if (tensor.kind === "ternary") planes.set(tensor.name, await readMatrices(tensor));
    state[tensor.name] = await stateEntry(tensor, planes.get(tensor.name));
  }
  if (Object.keys(state).length === 0) throw new UsageError(`${checkpoint.file} holds no weights`);
  try {
    model.loadStateDict(state satisfies StateDict, { strict });
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw new ShapeError(`${checkpoint.file}: ${error.message}`, { cause: error });
  }
  const paths = replaceablePaths(model, planes);
  if (paths.length === 0) return { model, ternary: [] };
  const result = ternarize(model, {
    include: paths.map((path) => new RegExp(`^${escaped(path)}$`)),
    fit: (_weights, _shape, path) => planes.get(weightName(path)) ?? [],
    ...(activation !== undefined && { activation }),
  });
  return { model: result.model, ternary: result.converted };
}

/** A tensor as a parameter: ternary weights multiplied out. */
async function stateEntry(
  tensor: Exclude<CheckpointTensor, { kind: "other" }>,
  planes: readonly TernaryMatrix[] | undefined,
): Promise<StateEntry> {
  const { shape, matrix } = tensor;
  if (planes !== undefined) return { shape, data: addedPlanes(planes) };
  if (tensor.kind === "float") return { shape, data: await tensor.readRows(0, matrix.outFeatures) };
  return { shape, data: addedPlanes(await readMatrices(tensor)) };
}

/** The planes of a tensor with as few scales as tell all: formats with a scale per group often hold one per row. */
async function readMatrices({ matrix, readPlanes }: TernaryTensor): Promise<TernaryMatrix[]> {
  const whole = { first: 0, count: matrix.outFeatures };
  return (await readPlanes()).map((plane) => {
    const { trits, ...scaling } = blockOfPlane(plane, matrix, whole);
    const used = usedScales(trits, matrix, scaling.groupSize);
    const { scales, groupSize } = fewestScales(scaling, matrix, used);
    return { ...matrix, trits, scales, ...(groupSize !== undefined && { groupSize }) };
  });
}

/** Paths of the float layers whose weight is ternary in the file. */
function replaceablePaths(model: Module, planes: ReadonlyMap<string, unknown>): string[] {
  return model.namedModules().flatMap(([path, module]) => {
    const isFloatLayer = module.constructor === Linear || module.constructor === Conv2d;
    return isFloatLayer && planes.has(weightName(path)) ? [path] : [];
  });
}

function weightName(path: string): string {
  return path === "" ? "weight" : `${path}.weight`;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
