/** From finished tensors and those that are kept to a file. */
import { FileError } from "../core/errors.ts";
import type { Checkpoint, CheckpointTensor, PackedPlane, TernaryTensor } from "./checkpoints/checkpoint.ts";
import { chooseTarget } from "./choose-target.ts";
import type { ConversionPlan, PlannedTensor } from "./conversion-plan.ts";
import { addedPlanes, blockOfPlane } from "./row-blocks.ts";
import type { Target, TargetTensor, Written } from "./targets/target.ts";
import type { WorkFolder } from "./work-folder.ts";

/** Where the tensors of a file come from. */
export interface Finished {
  readonly checkpoint: Checkpoint;
  readonly plan: ConversionPlan;
  readonly work: WorkFolder;
}

/** Writes the file of a plan whose tensors are finished. */
export async function writeTarget(path: string, target: Target, finished: Finished): Promise<Written> {
  const { checkpoint, plan } = finished;
  const tensors: TargetTensor[] = [];
  for (const planned of plan.tensors) tensors.push(await targetTensor(planned, finished));
  const { texts, ggufMetadata, readConfig } = checkpoint;
  return await target.write(path, { tensors, format: plan.format, texts, ggufMetadata, readConfig });
}

async function targetTensor(planned: PlannedTensor, { checkpoint, plan, work }: Finished): Promise<TargetTensor> {
  const { name, shape, action } = planned;
  const tensor = tensorOf(checkpoint, name);
  if (action.kind === "keep") {
    if (tensor.stored === undefined) throw new FileError("it cannot be kept", { file: checkpoint.file, tensor: name });
    return { name, shape, content: { kind: "kept", stored: tensor.stored } };
  }
  if (action.kind === "float") {
    if (tensor.kind === "other") throw new FileError("it holds no floats", { file: checkpoint.file, tensor: name });
    const readRows = tensor.kind === "float" ? tensor.readRows : dequantizedRows(tensor);
    return { name, shape, content: { kind: "float", matrix: tensor.matrix, readRows } };
  }
  const { matrix, planes } = await work.describe(name);
  const { format } = chooseTarget(undefined, { to: plan.target, format: plan.format });
  if (format.scales === "per-tensor" && planes.some(({ scales }) => scales.length > 1)) {
    await work.remove(); // the same command would only fail again
    const problem = `its scales differ, and ${format.id} holds one for the whole matrix`;
    throw new FileError(`${problem}: choose another format`, { file: checkpoint.file, tensor: name });
  }
  return { name, shape, content: { kind: "ternary", matrix, planes, readPlanes: () => work.readPlanes(name) } };
}

/** The tensor of a name. @throws FileError when there is none */
export function tensorOf({ tensors, file }: Checkpoint, name: string): CheckpointTensor {
  const tensor = tensors.get(name);
  if (tensor) return tensor;
  throw new FileError("this tensor is missing", { file, tensor: name });
}

/** The rows of a ternary tensor as floats; its planes are read once, and given up with the function. */
export function dequantizedRows(tensor: TernaryTensor): (first: number, count: number) => Promise<Float32Array> {
  const { matrix } = tensor;
  let planes: Promise<readonly PackedPlane[]> | undefined;
  return async (first, count) => {
    planes ??= tensor.readPlanes();
    const loaded = await planes;
    if (first + count === matrix.outFeatures) planes = undefined; // rows come in order: these were the last
    return addedPlanes(loaded.map((plane) => blockOfPlane(plane, matrix, { first, count })));
  };
}
