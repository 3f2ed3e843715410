/** What a conversion will do, tensor by tensor: pure data, to be looked at before anything is written. */
import { FileError, ShapeError, UsageError } from "../core/errors.ts";
import { elementCount } from "../core/shape.ts";
import type { MatrixShape } from "../core/ternary-matrix.ts";
import type {
  Checkpoint,
  CheckpointTensor,
  FloatTensor,
  OtherTensor,
  TernaryTensor,
} from "./checkpoints/checkpoint.ts";
import { chooseTarget } from "./choose-target.ts";
import type { ConversionPlan, ConversionRule, PlannedTensor, PlanOptions } from "./conversion-plan.ts";
import { DEFAULT_SKIP, firstMatch, matchesPattern } from "./name-patterns.ts";
import { lostKeysNotes, planNotes } from "./plan-notes.ts";
import { quantizerFor } from "./plane-quantizer.ts";
import type { ScaleSharing, Target, TargetFormat } from "./targets/target.ts";

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

type Why = Pick<PlannedTensor, "reason" | "skippedBy" | "misfit">;

interface Planner {
  readonly target: Target;
  readonly format: TargetFormat;
  readonly options: PlanOptions;
  readonly file: string;
}

function planTensor(tensor: CheckpointTensor, planner: Planner): PlannedTensor {
  if (tensor.kind === "ternary") return planTernary(tensor, planner);
  const { options, format } = planner;
  const choice: ReturnType<typeof choose> =
    options.float === true ? { reason: "no weight becomes ternary" } : choose(tensor, options);
  if (choice.rule === undefined || tensor.kind !== "float") return planKept(tensor, choice, planner);
  const { rule, reason } = choice;
  const planes = rule.planes ?? options.planes ?? 1;
  const { id: quantizer, scales } = quantizerFor(rule.quantizer ?? options.quantizer, planes, format);
  const bytesAfter = bytesOrMisfit(format, tensor.matrix, planes, scales);
  if (typeof bytesAfter === "string") return planKept(tensor, { reason: bytesAfter, misfit: bytesAfter }, planner);
  return { ...headOf(tensor), action: { kind: "fit", quantizer, planes, scales }, reason, bytesAfter };
}

function planTernary(tensor: TernaryTensor, planner: Planner): PlannedTensor {
  const { format, options, file } = planner;
  const { name, matrix, planeCount } = tensor;
  if (options.float === true) return planFloats(tensor, { reason: "multiplied out" });
  const most = format.maxPlanes;
  if (planeCount > most) {
    const problem = `it has ${planeCount} planes, and ${format.id} holds ${most}`;
    throw new FileError(`${problem}: choose another format`, { file, tensor: name });
  }
  const bytesAfter = bytesOrMisfit(format, matrix, planeCount, "per-channel");
  if (typeof bytesAfter === "string") throw new FileError(`${bytesAfter}: choose another`, { file, tensor: name });
  return { ...headOf(tensor), action: { kind: "repack", planes: planeCount }, reason: "ternary already", bytesAfter };
}

/** Kept as it is stored, or as float32 where the target has no such type. */
function planKept(tensor: FloatTensor | OtherTensor, why: Why, { target, file }: Planner): PlannedTensor {
  const { name, shape, stored } = tensor;
  const problem = stored === undefined ? "it is not stored as it is read" : target.whyNotKept(stored, shape);
  if (problem === undefined) {
    return { ...headOf(tensor), action: { kind: "keep" }, ...why, bytesAfter: tensor.byteLength };
  }
  if (tensor.kind === "float") return planFloats(tensor, { ...why, reason: `${why.reason}; ${problem}` });
  throw new FileError(`${problem}: choose another target`, { file, tensor: name });
}

function planFloats(tensor: FloatTensor | TernaryTensor, why: Why): PlannedTensor {
  return { ...headOf(tensor), action: { kind: "float" }, ...why, bytesAfter: 4 * elementCount(tensor.shape) };
}

function headOf({ name, shape, type, byteLength }: CheckpointTensor) {
  return { name, shape, from: type, bytesBefore: byteLength };
}

/** The bytes of a ternary tensor, or why the format cannot hold it. */
function bytesOrMisfit(
  format: TargetFormat,
  matrix: MatrixShape,
  planes: number,
  scales: ScaleSharing,
): number | string {
  try {
    return format.byteLength(matrix, planes, scales);
  } catch (error) {
    if (error instanceof ShapeError) return `${format.id} cannot hold it (${error.message})`;
    throw error;
  }
}

/** The rule for a tensor, or why it is left as it is. A rule or `include` asks for a name, `skip` forbids it. */
function choose(tensor: CheckpointTensor, options: PlanOptions): Why & { readonly rule?: ConversionRule } {
  const { name, shape } = tensor;
  const { include, skip, rules = [] } = options;
  if (tensor.kind !== "float") return { reason: `no float weights (${tensor.type})` };
  if (shape.length < 2) return { reason: "one axis" };
  if (tensor.isConstant === true) return { reason: "no weight of a layer" };
  const skipped = firstMatch(name, skip ?? []);
  if (skipped !== undefined) return { reason: `skip ${skipped}`, skippedBy: skipped };
  const rule = rules.find(({ pattern }) => matchesPattern(name, pattern));
  if (rule) return { rule, reason: `rule ${rule.pattern}` };
  const included = firstMatch(name, include ?? []);
  if (include !== undefined && included === undefined) return { reason: "not included" };
  if (included !== undefined) return { rule: { pattern: included }, reason: `include ${included}` };
  const skippedByDefault = skip === undefined ? firstMatch(name, DEFAULT_SKIP) : undefined;
  if (skippedByDefault !== undefined) {
    return { reason: `skip ${skippedByDefault} (default)`, skippedBy: skippedByDefault };
  }
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
