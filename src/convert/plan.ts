/** What a conversion will do, tensor by tensor: pure data, to be looked at before anything is written. */
import { FileError, ShapeError, UsageError } from "../core/errors.ts";
import { elementCount, type Shape } from "../core/shape.ts";
import type { MatrixShape } from "../core/ternary-matrix.ts";
import type {
  Checkpoint,
  CheckpointTensor,
  FloatTensor,
  OtherTensor,
  TernaryTensor,
} from "./checkpoints/checkpoint.ts";
import { chooseTarget } from "./choose-target.ts";
import { DEFAULT_SKIP, firstMatch, matchesPattern } from "./name-patterns.ts";
import { CANNOT_HOLD, lostKeysNotes, planNotes } from "./plan-notes.ts";
import { quantizerFor } from "./plane-quantizer.ts";
import type { ScaleSharing, Target, TargetFormat } from "./targets/target.ts";

/** How the tensors of some names are converted. */
export interface ConversionRule {
  /** `*` stands for any characters, `?` for one. */
  readonly pattern: string;
  readonly quantizer?: string | undefined;
  readonly planes?: number | undefined;
}

/** What a conversion does; everything has a default. */
export interface PlanOptions {
  /** Only tensors of these names are made ternary. */
  readonly include?: readonly string[] | undefined;
  /** Tensors of these names are not; embeddings, norms and the head by default. */
  readonly skip?: readonly string[] | undefined;
  /** The first rule whose pattern matches a name goes before what follows. */
  readonly rules?: readonly ConversionRule[] | undefined;
  /** Weight rule; `optimal` by default. */
  readonly quantizer?: string | undefined;
  /** Ternary planes of each weight, 1 to 4; 1 by default. */
  readonly planes?: number | undefined;
  /** Id of the target; by the name of the file otherwise. */
  readonly to?: string | undefined;
  /** Id of the format of trits; the target's first by default. */
  readonly format?: string | undefined;
  /** Whether ternary tensors become floats again, and nothing becomes ternary. */
  readonly float?: boolean | undefined;
}

/** What happens to a tensor. */
export type PlannedAction =
  /** Kept byte for byte. */
  | { readonly kind: "keep" }
  /** Written as float32: ternary weights multiplied out, or blocks that the target does not have. */
  | { readonly kind: "float" }
  /** Ternary weights into another format; the trits stay. */
  | { readonly kind: "repack"; readonly planes: number }
  | FitAction;

/** Floats to planes. */
export interface FitAction {
  readonly kind: "fit";
  /** Id of the weight rule. */
  readonly quantizer: string;
  readonly planes: number;
  readonly scales: ScaleSharing;
  /** Whether planes are fitted to the outputs of the layer on calibration inputs. */
  readonly isCalibrated?: boolean;
}

/** One tensor of a plan. */
export interface PlannedTensor {
  readonly name: string;
  readonly shape: Shape;
  /** The type that the source says. */
  readonly from: string;
  readonly action: PlannedAction;
  /** Why, in a few words: the pattern that decided. */
  readonly reason: string;
  readonly bytesBefore: number;
  /** As planned; scales that turn out equal take less. */
  readonly bytesAfter: number;
}

/** A whole plan. */
export interface ConversionPlan {
  readonly source: string;
  readonly sourceDescription: string;
  /** Ids. */
  readonly target: string;
  readonly format: string;
  readonly tensors: readonly PlannedTensor[];
  /** What was ambiguous in the source and how it was decided, and what the plan leaves open. */
  readonly notes: readonly string[];
}

/**
 * Plans a conversion.
 *
 * @param out path of the file to write, whose end tells the target where `options.to` does not
 * @throws UsageError for patterns that match nothing, UnsupportedError for unknown names, FileError for a tensor that the
 *   target cannot take
 */
export function planConversion(checkpoint: Checkpoint, out: string | undefined, options: PlanOptions): ConversionPlan {
  const { target, format } = chooseTarget(out, options);
  checkPatterns(checkpoint, options);
  const planner = { target, format, options, file: checkpoint.file };
  const tensors = [...checkpoint.tensors.values()].map((tensor) => planTensor(tensor, planner));
  return {
    source: checkpoint.file,
    sourceDescription: checkpoint.description,
    target: target.id,
    format: format.id,
    tensors,
    notes: [
      ...checkpoint.findings,
      ...(target.holdsGgufKeys === true ? [] : lostKeysNotes(checkpoint)),
      ...planNotes(tensors, options, format),
    ],
  };
}

interface Planner {
  readonly target: Target;
  readonly format: TargetFormat;
  readonly options: PlanOptions;
  readonly file: string;
}

function planTensor(tensor: CheckpointTensor, planner: Planner): PlannedTensor {
  if (tensor.kind === "ternary") return planTernary(tensor, planner);
  const { options, format } = planner;
  const choice = options.float === true ? { reason: "no weight becomes ternary" } : choose(tensor, options);
  if (choice.rule === undefined || tensor.kind !== "float") return planKept(tensor, choice.reason, planner);
  const { rule, reason } = choice;
  const planes = rule.planes ?? options.planes ?? 1;
  const { id: quantizer, scales } = quantizerFor(rule.quantizer ?? options.quantizer, planes, format);
  const bytesAfter = bytesOrReason(format, tensor.matrix, planes, scales);
  if (typeof bytesAfter === "string") return planKept(tensor, bytesAfter, planner);
  return { ...headOf(tensor), action: { kind: "fit", quantizer, planes, scales }, reason, bytesAfter };
}

function planTernary(tensor: TernaryTensor, planner: Planner): PlannedTensor {
  const { format, options, file } = planner;
  const { name, matrix, planeCount } = tensor;
  if (options.float === true) return planFloats(tensor, "multiplied out");
  const most = format.maxPlanes;
  if (planeCount > most) {
    const problem = `it has ${planeCount} planes, and ${format.id} holds ${most}`;
    throw new FileError(`${problem}: choose another format`, { file, tensor: name });
  }
  const bytesAfter = bytesOrReason(format, matrix, planeCount, "per-channel");
  if (typeof bytesAfter === "string") throw new FileError(`${bytesAfter}: choose another`, { file, tensor: name });
  return { ...headOf(tensor), action: { kind: "repack", planes: planeCount }, reason: "ternary already", bytesAfter };
}

/** Kept as it is stored, or as float32 where the target has no such type. */
function planKept(tensor: FloatTensor | OtherTensor, reason: string, { target, file }: Planner): PlannedTensor {
  const { name, shape, stored } = tensor;
  const problem = stored === undefined ? "it is not stored as it is read" : target.whyNotKept(stored, shape);
  if (problem === undefined)
    return { ...headOf(tensor), action: { kind: "keep" }, reason, bytesAfter: tensor.byteLength };
  if (tensor.kind === "float") return planFloats(tensor, `${reason}; ${problem}`);
  throw new FileError(`${problem}: choose another target`, { file, tensor: name });
}

function planFloats(tensor: FloatTensor | TernaryTensor, reason: string): PlannedTensor {
  return { ...headOf(tensor), action: { kind: "float" }, reason, bytesAfter: 4 * elementCount(tensor.shape) };
}

function headOf({ name, shape, type, byteLength }: CheckpointTensor) {
  return { name, shape, from: type, bytesBefore: byteLength };
}

/** The bytes of a ternary tensor, or why the format cannot hold it. */
function bytesOrReason(
  format: TargetFormat,
  matrix: MatrixShape,
  planes: number,
  scales: ScaleSharing,
): number | string {
  try {
    return format.byteLength(matrix, planes, scales);
  } catch (error) {
    if (error instanceof ShapeError) return `${format.id} ${CANNOT_HOLD} (${error.message})`;
    throw error;
  }
}

/** The rule for a tensor, or why it is left as it is. A rule or `include` asks for a name, `skip` forbids it. */
function choose(
  tensor: CheckpointTensor,
  options: PlanOptions,
): { readonly rule?: ConversionRule; readonly reason: string } {
  const { name, shape } = tensor;
  const { include, skip, rules = [] } = options;
  if (tensor.kind !== "float") return { reason: `no float weights (${tensor.type})` };
  if (shape.length < 2) return { reason: "one axis" };
  if (tensor.isConstant === true) return { reason: "no weight of a layer" };
  const skipped = firstMatch(name, skip ?? []);
  if (skipped !== undefined) return { reason: `skip ${skipped}` };
  const rule = rules.find(({ pattern }) => matchesPattern(name, pattern));
  if (rule) return { rule, reason: `rule ${rule.pattern}` };
  const included = firstMatch(name, include ?? []);
  if (include !== undefined && included === undefined) return { reason: "not included" };
  if (included !== undefined) return { rule: { pattern: included }, reason: `include ${included}` };
  const skippedByDefault = skip === undefined ? firstMatch(name, DEFAULT_SKIP) : undefined;
  if (skippedByDefault !== undefined) return { reason: `skip ${skippedByDefault} (default)` };
  return { rule: { pattern: "*" }, reason: "weight of a layer" };
}

/** @throws UsageError naming a pattern that means no tensor: it is a mistake */
function checkPatterns({ tensors, file }: Checkpoint, { include = [], skip = [], rules = [] }: PlanOptions): void {
  const names = [...tensors.keys()];
  for (const pattern of [...include, ...skip, ...rules.map((rule) => rule.pattern)]) {
    if (names.some((name) => matchesPattern(name, pattern))) continue;
    const some = names.slice(0, 3).map((name) => JSON.stringify(name));
    throw new UsageError(`no tensor of ${file} is named ${JSON.stringify(pattern)}; there are ${some.join(", ")}, ...`);
  }
}
