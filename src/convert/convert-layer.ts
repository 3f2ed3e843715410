/** One tensor to planes, by blocks of rows, into the folder of a conversion. */
import { FileError, type FileLocation, ShapeError } from "../core/errors.ts";
import type { MatrixShape, TernaryMatrix } from "../core/ternary-matrix.ts";
import { MAX_WEIGHT_MAGNITUDE } from "../quantizers/quantizer.ts";
import type { FloatTensor, TernaryTensor } from "./checkpoints/checkpoint.ts";
import type { FitAction } from "./conversion-plan.ts";
import { type FittedPlanes, fitPlanes, type SecondMoments } from "./fitting/index.ts";
import { FigureCounter, type OutputFigures } from "./layer-figures.ts";
import { granularityOf, reshapedForGroups } from "./plane-quantizer.ts";
import { BLOCK_WEIGHTS, blockOfPlane, type RowBlock, rowBlocks, scalesOfRows } from "./row-blocks.ts";
import type { WorkFolder } from "./work-folder.ts";

/** Where planes go, and who watches. */
export interface LayerContext {
  readonly work: WorkFolder;
  /** Called after each block with the number of its weights; what it throws stops the conversion. */
  readonly onBlock: (weights: number) => void;
}

/** Several planes take longer: progress is to be seen, and Ctrl-C heard. */
const JOINT_BLOCK_WEIGHTS = BLOCK_WEIGHTS / 2;
const MEASURED_WEIGHTS = BLOCK_WEIGHTS / 2;

/**
 * Makes planes of floats and keeps them.
 *
 * @param moments of the layer's inputs, to which the planes are fitted then
 * @throws FileError naming the tensor when a weight is no finite number
 */
export async function fitLayer(
  { name, matrix, readRows }: FloatTensor,
  action: FitAction,
  {
    work,
    onBlock,
    file,
    moments,
  }: LayerContext & { readonly file: string; readonly moments?: SecondMoments | undefined },
): Promise<void> {
  const target = work.begin(name, matrix, action.planes);
  const counter = new FigureCounter();
  let output: OutputFigures | undefined;
  for (const block of blocksFor(matrix, action, moments)) {
    const weights = await readRows(block.first, block.count);
    const shape = { outFeatures: block.count, inFeatures: matrix.inFeatures };
    const { planes, outputError, dataFreeOutputError } = fitBlock(
      weights,
      shape,
      action,
      { file, tensor: name, rowOf: (row) => block.first + row },
      moments,
    );
    await target.add(block, planes);
    measure(counter, planes, weights);
    if (outputError !== undefined) output = { error: outputError, dataFreeError: dataFreeOutputError ?? outputError };
    onBlock(weights.length);
  }
  await target.finish(counter.figures(output));
}

/** Keeps the planes of a tensor that is ternary already. */
export async function repackLayer(
  { name, matrix, planeCount, readPlanes }: TernaryTensor,
  { work, onBlock }: LayerContext,
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

/** Where a block of weights comes from. */
export interface BlockPlace extends FileLocation {
  /** The row of the tensor that a row of the block is. */
  readonly rowOf: (row: number) => number;
}

/** The planes of some rows. @throws FileError when the rule refuses the weights */
export function fitBlock(
  weights: Float32Array,
  matrix: MatrixShape,
  { quantizer, planes, scales }: FitAction,
  { rowOf, ...location }: BlockPlace,
  moments?: SecondMoments,
): FittedPlanes {
  const seen = moments === undefined ? reshapedForGroups(matrix, scales) : matrix;
  try {
    const quantizerOptions = { granularity: granularityOf(scales) };
    const fitted = fitPlanes(weights, seen, {
      ...{ planes, quantizer, quantizerOptions },
      ...(moments && { calibration: moments }),
    });
    if (seen.inFeatures === matrix.inFeatures) return fitted;
    const groupSize = seen.inFeatures;
    return { ...fitted, planes: fitted.planes.map((plane) => ({ ...plane, ...matrix, groupSize })) };
  } catch (cause) {
    if (!(cause instanceof ShapeError)) throw cause;
    throw new FileError(describeRefused(weights, matrix, rowOf) ?? cause.message, location, { cause });
  }
}

/** The weight that no rule takes, by its place in the tensor; undefined where it is something else that is refused. */
function describeRefused(
  weights: Float32Array,
  { inFeatures }: MatrixShape,
  rowOf: BlockPlace["rowOf"],
): string | undefined {
  const wrong = weights.findIndex((weight) => !(Math.abs(weight) <= MAX_WEIGHT_MAGNITUDE));
  if (wrong < 0) return undefined;
  const place = `row ${rowOf(Math.floor(wrong / inFeatures))}, column ${wrong % inFeatures}`;
  return `weights must be finite and at most 2^64 in magnitude, got ${weights[wrong]} in ${place}: rescale them, or look for what made them diverge`;
}

/** Measures a block in parts: sums are taken in float64, which would take twice the memory of the weights. */
function measure(counter: FigureCounter, planes: readonly TernaryMatrix[], weights: Float32Array): void {
  const [matrix] = planes;
  const { inFeatures } = matrix;
  for (const rows of rowBlocks(matrix, MEASURED_WEIGHTS)) {
    const [begin, end] = [rows.first * inFeatures, (rows.first + rows.count) * inFeatures];
    const part = planes.map((plane): TernaryMatrix => {
      const scales = scalesOfRows(plane, matrix, rows);
      return { ...plane, outFeatures: rows.count, trits: plane.trits.subarray(begin, end), scales };
    });
    counter.add(part, weights.subarray(begin, end));
  }
}

/** A scale of the whole tensor needs all of its rows at once, and so does what inputs tell. */
function blocksFor(matrix: MatrixShape, { planes, scales }: FitAction, moments?: SecondMoments): Iterable<RowBlock> {
  if (scales === "per-tensor" || moments !== undefined) return [{ first: 0, count: matrix.outFeatures }];
  return rowBlocks(matrix, planes > 1 ? JOINT_BLOCK_WEIGHTS : BLOCK_WEIGHTS);
}
