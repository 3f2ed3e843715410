/** Parameters by name, in and out of modules. */
import { ShapeError } from "../core/errors.ts";
import { formatShape, type Shape, sameShape } from "../core/shape.ts";
import type { Parameter } from "../tensor/index.ts";
import type { Module } from "./module.ts";

/** An array with its shape. */
export interface StateEntry {
  readonly shape: Shape;
  readonly data: Float32Array;
}

/** Parameters by path, as PyTorch names them. */
export type StateDict = Readonly<Record<string, StateEntry>>;

/** Options of `loadStateDict`. */
export interface LoadStateOptions {
  /** False accepts missing and extra names; shapes must fit all the same. */
  strict?: boolean;
}

/** A copy of every parameter of a module. */
export function stateDict(module: Module): StateDict {
  return Object.fromEntries(
    module.namedParameters().map(([name, { shape, value }]) => [name, { shape, data: value.slice() }]),
  );
}

/** See `Module.loadStateDict`. */
export function loadStateDict(module: Module, state: StateDict, { strict = true }: LoadStateOptions): void {
  const parameters = module.namedParameters();
  const own = new Set(parameters.map(([name]) => name));
  const used = new Set<string>();
  const problems: string[] = [];
  const loads: [Parameter, StateEntry][] = [];
  for (const [name, parameter] of parameters) {
    const spellings = spellingsOf(name, own).filter((spelling) => Object.hasOwn(state, spelling));
    for (const spelling of spellings) used.add(spelling);
    if (spellings.length === 0) {
      if (strict) problems.push(`missing: ${name} ${formatShape(parameter.shape)}`);
    } else if (spellings.length > 1) {
      problems.push(`ambiguous: ${spellings.join(" and ")} are two spellings of one name, keep one`);
    } else {
      const entry = state[spellings[0]];
      loads.push([parameter, entry]);
      if (sameShape(entry.shape, parameter.shape) && entry.data.length === parameter.size) continue;
      const expected = formatShape(parameter.shape);
      problems.push(
        sameShape(entry.shape, parameter.shape)
          ? `data: ${spellings[0]} of shape ${expected} needs ${parameter.size} values, got ${entry.data.length}`
          : `shape: ${spellings[0]} must be ${expected}, got ${formatShape(entry.shape)}`,
      );
    }
  }
  if (strict) {
    const extra = Object.keys(state).filter((name) => !used.has(name) && !isStepCounter(name));
    problems.push(...extra.map((name) => `extra: ${name}`));
  }
  if (problems.length > 0) {
    throw new ShapeError(`the state does not fit the module, nothing was loaded:\n  ${problems.join("\n  ")}`);
  }
  for (const [parameter, { data }] of loads) parameter.value = Float32Array.from(data);
}

/** Whether a name is that of the step counter of PyTorch's batch norms, which nothing here depends on. */
export function isStepCounter(name: string): boolean {
  return lastPartOf(name) === "num_batches_tracked";
}

/** The names under which a state may hold a parameter: its own, and the one of PyTorch unless another parameter has it. */
function spellingsOf(name: string, own: ReadonlySet<string>): string[] {
  const last = lastPartOf(name);
  const snakeCase = last.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const other = name.slice(0, name.length - last.length) + snakeCase;
  return own.has(other) ? [name] : [name, other];
}

function lastPartOf(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1);
}
