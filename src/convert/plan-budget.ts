/** How many planes each layer gets where bytes are what is given: errors are measured, then bytes go where they save most. */
import { UsageError } from "../core/errors.ts";
import { formatBytes } from "../core/number-format.ts";
import { elementCount } from "../core/shape.ts";
import type { Checkpoint, FloatTensor } from "./checkpoints/checkpoint.ts";
import { chooseTarget } from "./choose-target.ts";
import { fitBlock } from "./convert-layer.ts";
import { allocatePlanes, type LayerChoices } from "./fitting/index.ts";
import { WeightMeasures } from "./measures.ts";
import type { ConversionPlan, FitAction, PlannedTensor } from "./plan.ts";
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
    for (let planes = 1; planes <= Math.min(MOST_PLANES, format.maxPlanes); planes++) {
      signal?.throwIfAborted();
      const fitted = fitBlock(weights, shape, { ...action, planes }, { file: checkpoint.file, tensor: name });
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

function limitForLayers(
  plan: ConversionPlan,
  open: readonly LayerCurve[],
  { budget, bits }: SizeLimit,
): number | undefined {
  if (bits !== undefined) return (bits / 8) * open.reduce((sum, { weights }) => sum + weights, 0);
  if (budget === undefined) return undefined;
  const names = new Set(open.map(({ name }) => name));
  const others = plan.tensors.filter(({ name }) => !names.has(name));
  const bytes = others.reduce((sum, { bytesAfter }) => sum + bytesAfter, 0);
  if (bytes < budget) return budget - bytes;
  throw new UsageError(
    `a budget of ${formatBytes(budget)} is less than the ${formatBytes(bytes)} of tensors that are kept: raise it, or convert more of them (--include, --rule)`,
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
