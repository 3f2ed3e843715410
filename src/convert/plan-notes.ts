/** What a person should know of a plan without reading all of its lines. */
import type { Checkpoint } from "./checkpoints/checkpoint.ts";
import type { PlannedTensor, PlanOptions } from "./conversion-plan.ts";
import { DEFAULT_SKIP } from "./name-patterns.ts";
import type { TargetFormat } from "./targets/target.ts";

/** A network with embeddings that has no head of its own uses them for it. */
const HEAD_PATTERNS: readonly (string | undefined)[] = DEFAULT_SKIP.filter((pattern) =>
  /head|output|score|classifier|emb/.test(pattern),
);

/** Most names in a note. */
const MOST_NAMES = 3;

/** Notes on what becomes of the tensors of a plan. */
export function planNotes(tensors: readonly PlannedTensor[], options: PlanOptions, format: TargetFormat): string[] {
  return [...misfitNotes(tensors, format), ...nothingNotes(tensors, options), ...headNotes(tensors, options)];
}

/** Tokens and hyperparameters stand in the keys of a GGUF file, and other containers have no place for them. */
export function lostKeysNotes({ ggufMetadata }: Pick<Checkpoint, "ggufMetadata">): string[] {
  const count = ggufMetadata?.size ?? 0;
  const those = count === 1 ? "one key of the GGUF file has" : `${count} keys of the GGUF file have`;
  return count === 0
    ? []
    : [`${those} no place in the new file: it holds tensors only, and leads to no GGUF model again`];
}

/** Names for a note, not more than can be taken in. */
export function someNames(names: readonly string[]): string {
  return `${names.slice(0, MOST_NAMES).join(", ")}${names.length > MOST_NAMES ? ", ..." : ""}`;
}

/** Layers that were to become ternary, and stay floats. */
function misfitNotes(tensors: readonly PlannedTensor[], { id }: TargetFormat): string[] {
  const misfits = tensors.filter(({ misfit }) => misfit !== undefined);
  if (misfits.length === 0) return [];
  const those = misfits.length === 1 ? "one layer stays as it is" : `${misfits.length} layers stay as they are`;
  return [`${those}, because ${id} cannot hold the shape: ${someNames(misfits.map(({ name }) => name))}`];
}

function nothingNotes(tensors: readonly PlannedTensor[], { float, planes }: PlanOptions): string[] {
  const has = (kind: PlannedTensor["action"]["kind"]) => tensors.some(({ action }) => action.kind === kind);
  if (float === true) return has("float") ? [] : ["nothing was ternary: all tensors stay as they are"];
  if (has("fit")) return [];
  if (!has("repack")) return ["no tensor becomes ternary; the plan tells why (--dry-run)"];
  return planes === undefined ? [] : ["all weights are ternary already and keep their planes: no others are made"];
}

/** The head of a network is worth its floats, and only a name can tell it. */
function headNotes(tensors: readonly PlannedTensor[], { include, skip, rules }: PlanOptions): string[] {
  if (include !== undefined || skip !== undefined || rules !== undefined) return [];
  const fitted = tensors.filter(({ action }) => action.kind === "fit");
  const isSkipKnown = tensors.some(({ skippedBy }) => HEAD_PATTERNS.includes(skippedBy));
  const last = fitted.at(-1);
  if (last === undefined || fitted.length < 2 || isSkipKnown) return [];
  return [
    `no name tells which layer is the head, so all ${fitted.length} layers become ternary; ` +
      `if the head is one of them (the last is ${last.name}), its floats are worth keeping: skip it`,
  ];
}
