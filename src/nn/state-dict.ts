/** Parameters by name, in and out of modules. */
import { ShapeError } from "../core/errors.ts";
import { formatShape, type Shape, sameShape } from "../core/shape.ts";
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
  const known = new Set(parameters.map(([name]) => name));
  const problems: string[] = [];
  for (const [name, parameter] of parameters) {
    if (!Object.hasOwn(state, name)) {
      if (strict) problems.push(`missing: ${name} ${formatShape(parameter.shape)}`);
    } else if (!sameShape(state[name].shape, parameter.shape) || state[name].data.length !== parameter.size) {
      problems.push(`shape: ${name} must be ${formatShape(parameter.shape)}, got ${formatShape(state[name].shape)}`);
    }
  }
  if (strict) for (const name of Object.keys(state)) if (!known.has(name)) problems.push(`extra: ${name}`);
  if (problems.length > 0) {
    throw new ShapeError(`the state does not fit the module, nothing was loaded:\n  ${problems.join("\n  ")}`);
  }
  for (const [name, parameter] of parameters) {
    if (Object.hasOwn(state, name)) parameter.value = Float32Array.from(state[name].data);
  }
}
