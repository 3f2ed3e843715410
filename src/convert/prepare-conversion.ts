/** All that is decided before anything is written: the source, the plan, what layers are fed and what planes would cost. */
import { UsageError } from "../core/errors.ts";
import type { ByteSource } from "../files/index.ts";
import { type Calibration, givenCalibration, openCalibration } from "./calibration.ts";
import type { OpenCheckpointOptions } from "./checkpoint-source.ts";
import type { Checkpoint } from "./checkpoints/checkpoint.ts";
import { openCheckpoint } from "./checkpoints/index.ts";
import { chooseTarget } from "./choose-target.ts";
import type { ConversionPlan, PlanOptions } from "./conversion-plan.ts";
import type { SecondMoments } from "./fitting/index.ts";
import { firstMatch } from "./name-patterns.ts";
import { planConversion } from "./plan.ts";
import { type LayerCurve, measureCurves, planWithinLimit, type SizeLimit } from "./plan-budget.ts";
import { someNames } from "./plan-notes.ts";
import { checkNoSource } from "./source-files.ts";
import { checkStoredNames } from "./stored-names.ts";
import { tensorOf } from "./write-target.ts";

/** What a conversion is to be. */
export interface PrepareOptions extends PlanOptions, OpenCheckpointOptions, SizeLimit {
  /** Inputs of layers: the path of an .npy or .npz file, or second moments by the name of the weight or its module. */
  readonly calibration?: string | ReadonlyMap<string, SecondMoments> | undefined;
  /** Whether to measure what other numbers of planes would cost, for a chart. */
  readonly curves?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onMeasured?: ((done: number, total: number) => void) | undefined;
}

/** A conversion that is ready to run; disposing of it closes its files. */
export interface PreparedConversion extends AsyncDisposable {
  readonly checkpoint: Checkpoint;
  readonly plan: ConversionPlan;
  readonly calibration: Calibration | undefined;
  /** What each layer would cost with 1, 2, ... planes; empty where nobody asked. */
  readonly curves: readonly LayerCurve[];
}

/** Opens the source and plans its conversion to `out`. @throws what `openCheckpoint` and `planConversion` throw */
export async function prepareConversion(
  source: ByteSource,
  out: string | undefined,
  options: PrepareOptions = {},
): Promise<PreparedConversion> {
  const opened: AsyncDisposable[] = [];
  const close = async (): Promise<void> => {
    for (const file of opened.reverse()) await file[Symbol.asyncDispose]();
  };
  try {
    const checkpoint = await openCheckpoint(source, options);
    opened.push(checkpoint);
    if (out !== undefined) await checkNoSource(out, checkpoint);
    const calibration = options.calibration === undefined ? undefined : await calibrationOf(options.calibration);
    if (calibration) opened.push(calibration);
    const plan = withCalibration(planConversion(checkpoint, out, options), checkpoint, calibration);
    const limited = await withinLimit(plan, checkpoint, options);
    checkStoredNames(limited.plan);
    return { checkpoint, calibration, ...limited, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The plan with as many planes as fit, where bytes or bits are given, and what was measured for that. */
async function withinLimit(
  plan: ConversionPlan,
  checkpoint: Checkpoint,
  options: PrepareOptions,
): Promise<Pick<PreparedConversion, "plan" | "curves">> {
  const { budget, bits, curves: areWanted, signal, onMeasured: onLayer } = options;
  const isLimited = budget !== undefined || bits !== undefined;
  if (!isLimited && areWanted !== true) return { plan, curves: [] };
  const curves = await measureCurves(checkpoint, plan, { signal, onLayer });
  if (!isLimited) return { plan, curves };
  if (bits !== undefined && curves.length === 0) {
    return { plan: { ...plan, notes: [...plan.notes, "no weights become ternary, so bits choose nothing"] }, curves };
  }
  return { plan: planWithinLimit(plan, curves, { budget, bits }, (name) => hasOwnPlanes(name, options)), curves };
}

async function calibrationOf(given: string | ReadonlyMap<string, SecondMoments>): Promise<Calibration> {
  return typeof given === "string" ? await openCalibration(given) : givenCalibration(given);
}

/** Layers whose inputs are known get planes that are fitted to their outputs, with a scale per row. */
function withCalibration(plan: ConversionPlan, checkpoint: Checkpoint, calibration?: Calibration): ConversionPlan {
  if (calibration === undefined) return plan;
  const fitted = plan.tensors.filter(({ action }) => action.kind === "fit");
  const layers = fitted.flatMap(({ name }) => {
    const tensor = tensorOf(checkpoint, name);
    return tensor.kind === "float" ? [{ name, inFeatures: tensor.matrix.inFeatures }] : [];
  });
  const stay = plan.tensors.filter(({ action }) => action.kind !== "fit").map(({ name }) => name);
  const assigned = calibration.assign(layers, stay);
  const calibrated = new Set(assigned.layers);
  const { format } = chooseTarget(undefined, { to: plan.target, format: plan.format });
  if (format.scales === "per-tensor") {
    throw new UsageError(
      `calibrated planes have a scale per row, and ${format.id} holds one in all: choose another format`,
    );
  }
  const without = layers.length - calibrated.size;
  return {
    ...plan,
    tensors: plan.tensors.map((tensor) => {
      const { name, action } = tensor;
      if (action.kind !== "fit" || !calibrated.has(name)) return tensor;
      return { ...tensor, action: { ...action, scales: "per-channel", isCalibrated: true } };
    }),
    notes: [...plan.notes, ...noInputsNote(without), ...unusedNote(assigned.unused)],
  };
}

function hasOwnPlanes(name: string, { rules = [] }: PlanOptions): boolean {
  return rules.some(({ pattern, planes }) => planes !== undefined && firstMatch(name, [pattern]) !== undefined);
}

function noInputsNote(layers: number): string[] {
  const those = layers === 1 ? "one layer has" : `${layers} layers have`;
  return layers === 0 ? [] : [`${those} no calibration inputs: planes are fitted to the weights alone there`];
}

function unusedNote(names: readonly string[]): string[] {
  return names.length === 0 ? [] : [`inputs of tensors that stay as they are were not used: ${someNames(names)}`];
}
