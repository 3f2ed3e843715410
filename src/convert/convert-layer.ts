/** One tensor to planes, by blocks of rows, into the folder of a conversion. */
import { FileError, type FileLocation, ShapeError } from "../core/errors.ts";
import type { MatrixShape, TernaryMatrix } from "../core/ternary-matrix.ts";
import { decompose } from "../quantizers/multi-ternary.ts";
import type { FloatTensor, TernaryTensor } from "./checkpoints/checkpoint.ts";
import { FigureCounter } from "./layer-figures.ts";
import type { FitAction } from "./plan.ts";
import { granularityOf, reshapedForGroups } from "./plane-quantizer.ts";
import { BLOCK_WEIGHTS, blockOfPlane, type RowBlock, rowBlocks } from "./row-blocks.ts";
import type { WorkFolder } from "./work-folder.ts";

/** Called after each block with the number of its weights; what it throws stops the conversion. */
export type OnBlock = (weights: number) => void;

/** Several planes take longer: progress is to be seen, and Ctrl-C heard. */
const JOINT_BLOCK_WEIGHTS = BLOCK_WEIGHTS / 8;

/** Makes planes of floats and keeps them. @throws FileError naming the tensor when a weight is no finite number */
export async function fitLayer(
  tensor: FloatTensor,
  action: FitAction,
  { work, file, onBlock }: { work: WorkFolder; file: string; onBlock: OnBlock },
): Promise<void> {
  const { name, matrix } = tensor;
  const target = work.begin(name, matrix, action.planes);
  const counter = new FigureCounter();
  for (const block of blocksFor(matrix, action)) {
    const weights = await tensor.readRows(block.first, block.count);
    const shape = { outFeatures: block.count, inFeatures: matrix.inFeatures };
    const fitted = fitBlock(weights, shape, action, { file, tensor: name });
    await target.add(block, fitted);
    counter.add(fitted, weights);
    onBlock(weights.length);
  }
  await target.finish(counter.figures());
}

/** Keeps the planes of a tensor that is ternary already. */
export async function repackLayer(
  { name, matrix, planeCount, readPlanes }: TernaryTensor,
  { work, onBlock }: { work: WorkFolder; onBlock: OnBlock },
): Promise<void> {
  const planes = await readPlanes();
  const target = work.begin(name, matrix, planeCount);
  const counter = new FigureCounter();
  for (const block of rowBlocks(matrix)) {
    const blocks = planes.map((plane) => blockOfPlane(plane, matrix, block));
    await target.add(block, blocks);
    counter.add(blocks);
    onBlock(block.count * matrix.inFeatures);
  }
  await target.finish(counter.figures());
}

/** The planes of some rows. @throws FileError when the rule refuses the weights */
export function fitBlock(
  weights: Float32Array,
  matrix: MatrixShape,
  { quantizer, planes, scales }: FitAction,
  location: FileLocation,
): TernaryMatrix[] {
  const seen = reshapedForGroups(matrix, scales);
  try {
    const fitted = decompose(weights, seen, {
      ...{ planes, quantizer, fit: planes > 1 ? "joint" : "greedy" },
      quantizerOptions: { granularity: granularityOf(scales) },
    });
    if (seen.inFeatures === matrix.inFeatures) return fitted;
    return fitted.map((plane) => ({ ...plane, ...matrix, groupSize: seen.inFeatures }));
  } catch (cause) {
    if (!(cause instanceof ShapeError)) throw cause;
    throw new FileError(cause.message, location, { cause });
  }
}

/** A scale of the whole tensor needs all of its rows at once. */
function blocksFor(matrix: MatrixShape, { planes, scales }: FitAction): Iterable<RowBlock> {
  if (scales === "per-tensor") return [{ first: 0, count: matrix.outFeatures }];
  return rowBlocks(matrix, planes > 1 ? JOINT_BLOCK_WEIGHTS : BLOCK_WEIGHTS);
}
