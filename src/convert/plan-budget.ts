/** How many planes each layer gets where bytes are what is given: errors are measured, then bytes go where they save most. */
import { UsageError } from "../core/errors.ts";
import { formatBytes } from "../core/number-format.ts";
import { elementCount } from "../core/shape.ts";
import type { Checkpoint, FloatTensor } from "./checkpoints/checkpoint.ts";
import { chooseTarget } from "./choose-target.ts";
import type { ConversionPlan, FitAction, PlannedTensor } from "./conversion-plan.ts";
import { fitBlock } from "./convert-layer.ts";
import { allocatePlanes, type LayerChoices } from "./fitting/index.ts";
import { WeightMeasures } from "./measures.ts";
import { mostFittedPlanes } from "./plane-quantizer.ts";
import { tensorOf } from "./write-target.ts";

/** How large a conversion may become. */
export interface SizeLimit {
  /** Bytes of all tensors of the file. */
  readonly budget?: number | undefined;
  /** Bits of a converted weight, scales included, on the average. */
  readonly bits?: number | undefined;
}

/** What a layer would cost with 1, 2, ... planes. */
export interface LayerCurve extends LayerChoices {
  readonly weights: number;
  /** Σ w², what errors are measured against. */
  readonly squaredWeights: number;
}

/** Weights of a layer whose rows are measured; of larger layers every n-th row is. */
const MEASURED_WEIGHTS = 2 ** 18;
const MOST_PLANES = 4;

/**
 * What each layer would cost with 1 to 4 planes, as far as the format holds them. Errors of large layers are those of some
 * of their rows, taken evenly.
 */
export async function measureCurves(
  checkpoint: Checkpoint,
  plan: ConversionPlan,
  {
    signal,
    onLayer,
  }: { signal?: AbortSignal | undefined; onLayer?: ((done: number, total: number) => void) | undefined } = {},
): Promise<LayerCurve[]> {
  const { format } = chooseTarget(undefined, { to: plan.target, format: plan.format });
  const layers = plan.tensors.filter(isFitted);
  const curves: LayerCurve[] = [];
  for (const { name, action } of layers) {
    onLayer?.(curves.length, layers.length);
    const tensor = tensorOf(checkpoint, name);
    if (tensor.kind !== "float") continue;
    const weights = await sampledRows(tensor);
    const { inFeatures } = tensor.matrix;
    const shape = { outFeatures: weights.length / inFeatures, inFeatures };
    const share = weights.length / elementCount(tensor.shape);
    const bytes: number[] = [];
    const errors: number[] = [];
    let squaredWeights = 0;
    for (let planes = 1; planes <= Math.min(MOST_PLANES, mostFittedPlanes(format)); planes++) {
      signal?.throwIfAborted();
      const rowOf = (row: number) => Math.floor((row * tensor.matrix.outFeatures) / shape.outFeatures);
      const place = { file: checkpoint.file, tensor: name, rowOf };
      const fitted = fitBlock(weights, shape, { ...action, planes }, place);
      const measures = new WeightMeasures();
      measures.add(weights, fitted.planes);
      bytes.push(format.byteLength(tensor.matrix, planes, planes > 1 ? "per-channel" : action.scales));
      errors.push(measures.sums.squaredError / share);
      squaredWeights = measures.sums.squaredWeights / share;
      await new Promise((resolve) => setTimeout(resolve)); // so that Ctrl-C is heard
    }
    curves.push({ name, bytes, errors, weights: elementCount(tensor.shape), squaredWeights });
  }
  return curves;
}

/**
 * The plan with the number of planes that a limit allows each layer.
 *
 * @param isFixed whether the planes of a layer were asked for by a rule, and stay
 * @throws UsageError when even one plane each is too large
 */
export function planWithinLimit(
  plan: ConversionPlan,
  curves: readonly LayerCurve[],
  { budget, bits }: SizeLimit,
  isFixed: (name: string) => boolean = () => false,
): ConversionPlan {
  if (budget !== undefined && bits !== undefined) throw new UsageError("give a budget or bits, not both");
  const open = curves.filter(({ name }) => !isFixed(name));
  const bytesOfLayers = limitForLayers(plan, open, { budget, bits });
  if (bytesOfLayers === undefined) return plan;
  const planes = allocatePlanes(open, bytesOfLayers);
  const chosen = new Map(open.map(({ name, bytes }, i) => [name, { planes: planes[i], bytes: bytes[planes[i] - 1] }]));
  return { ...plan, tensors: plan.tensors.map((tensor) => withPlanes(tensor, chosen.get(tensor.name))) };
}

function withPlanes(tensor: PlannedTensor, choice: { planes: number; bytes: number } | undefined): PlannedTensor {
  const { action } = tensor;
  if (choice === undefined || action.kind !== "fit") return tensor;
  const scales = choice.planes > 1 ? "per-channel" : action.scales;
  return { ...tensor, action: { ...action, planes: choice.planes, scales }, bytesAfter: choice.bytes };
}

/** Bytes for the layers whose planes are chosen; undefined where nothing limits them. @throws UsageError when they are too few */
function limitForLayers(
  plan: ConversionPlan,
  open: readonly LayerCurve[],
  { budget, bits }: SizeLimit,
): number | undefined {
  const least = open.reduce((sum, { bytes }) => sum + Math.min(...bytes), 0);
  if (bits !== undefined) {
    const weights = open.reduce((sum, layer) => sum + layer.weights, 0);
    const limit = (bits / 8) * weights;
    if (least <= limit) return limit;
    const leastBits = Math.ceil(((least * 8) / weights) * 100) / 100; // rounded up, so that it can be asked for
    throw new UsageError(
      `one plane of each layer takes ${leastBits} bits per weight, scales included: ${bits} is too few; give ${leastBits} or more`,
    );
  }
  if (budget === undefined) return undefined;
  const names = new Set(open.map(({ name }) => name));
  const others = plan.tensors.filter(({ name }) => !names.has(name));
  const kept = others.reduce((sum, { bytesAfter }) => sum + bytesAfter, 0);
  if (least + kept <= budget) return budget - kept;
  throw new UsageError(
    `a budget of ${formatBytes(budget)} is too small: all other tensors take ${formatBytes(kept)}, and one plane of each layer ${formatBytes(least)}; raise it, or convert more tensors (--include, --rule)`,
  );
}

function isFitted(tensor: PlannedTensor): tensor is PlannedTensor & { readonly action: FitAction } {
  return tensor.action.kind === "fit";
}

/** All rows of a small matrix, every n-th of a large one. */
async function sampledRows({ matrix, readRows }: FloatTensor): Promise<Float32Array> {
  const { outFeatures, inFeatures } = matrix;
  const count = Math.min(outFeatures, Math.max(1, Math.floor(MEASURED_WEIGHTS / inFeatures)));
  if (count === outFeatures) return await readRows(0, outFeatures);
  const rows = new Float32Array(count * inFeatures);
  for (let i = 0; i < count; i++) {
    rows.set(await readRows(Math.floor((i * outFeatures) / count), 1), i * inFeatures);
  }
  return rows;
}
