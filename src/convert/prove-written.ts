/** The written file, read again and compared with what it was to hold, tensor by tensor. */
import { FileError } from "../core/errors.ts";
import { formatSignificant } from "../core/number-format.ts";
import type { Checkpoint, CheckpointTensor, TernaryTensor } from "./checkpoints/checkpoint.ts";
import { compareTensors, type TensorComparison } from "./compare-tensors.ts";
import type { ConversionPlan, PlannedTensor } from "./conversion-plan.ts";
import type { WorkFolder } from "./work-folder.ts";
import { tensorOf } from "./write-target.ts";

/** What the comparison of a tensor showed. */
export interface TensorProof {
  /** Whether all values are those that were to be written: for ternary tensors all trits and scales. */
  readonly isLossless: boolean;
  /** In words: `trits and scales equal`, or what was rounded. */
  readonly text: string;
}

/**
 * Compares a written file with its source and with the planes that were made.
 *
 * @throws FileError when trits or kept bytes differ: the file is not to be used
 */
export async function proveWritten(
  written: Checkpoint,
  {
    source,
    plan,
    work,
    signal,
  }: { source: Checkpoint; plan: ConversionPlan; work: WorkFolder; signal?: AbortSignal | undefined },
): Promise<Map<string, TensorProof>> {
  const proofs = new Map<string, TensorProof>();
  for (const planned of plan.tensors) {
    signal?.throwIfAborted();
    const expected = expectedTensor(planned, tensorOf(source, planned.name), work);
    const comparison = await compareTensors(expected, tensorOf(written, planned.name));
    proofs.set(planned.name, judge(planned, comparison, written.file));
  }
  return proofs;
}

/** Floats are compared as what they became, everything else as it was. */
function expectedTensor(planned: PlannedTensor, tensor: CheckpointTensor, work: WorkFolder): CheckpointTensor {
  const { name, action } = planned;
  if (action.kind !== "fit" || tensor.kind !== "float") return tensor;
  const fitted: TernaryTensor = {
    ...{ kind: "ternary", name, shape: tensor.shape, type: "fitted", format: "fitted", byteLength: 0 },
    ...{ matrix: tensor.matrix, planeCount: action.planes, evidence: "fitted", stored: undefined },
    readPlanes: () => work.readPlanes(name),
  };
  return fitted;
}

function judge({ name, action }: PlannedTensor, found: TensorComparison | undefined, file: string): TensorProof {
  const isTernary = action.kind === "fit" || action.kind === "repack";
  const isWrong =
    found === undefined ||
    (action.kind === "keep" && !found.hasEqualBytes && !found.hasEqualValues) ||
    (action.kind === "float" && !found.hasEqualValues) ||
    (isTernary && found.hasEqualTrits !== true);
  if (isWrong) {
    const problem = "reading it back gives other values than were written: this should not happen, please report it";
    throw new FileError(problem, { file, tensor: name });
  }
  if (!isTernary) return { isLossless: true, text: found.hasEqualBytes ? "bytes equal" : "values equal" };
  if (found.hasEqualValues) return { isLossless: true, text: "trits and scales equal" };
  return { isLossless: false, text: `trits equal, scales rounded by ${formatSignificant(found.relativeError, 2)}` };
}
