/** Who frees a tensor: the scope it was made in, or the garbage collector for tensors made outside every scope. */
import type { Parameter } from "./parameter.ts";
import type { Tensor } from "./tensor.ts";

/** What a traced function may touch besides its arguments. */
export interface Trace {
  /** Tensors that stand for parameters while the trace runs. */
  readonly bindings: ReadonlyMap<Parameter, Tensor>;
  /** New values for buffers (running statistics), by `Parameter.assign`. */
  readonly updates: Map<Parameter, Tensor>;
  /** Seed of this run, `[2]` uint32, for dropout; absent in evaluation. */
  readonly randomKey?: Tensor;
  /** Share of the ternary weights in ternary layers, `[1]`, while a training warms up. */
  readonly ternaryShare?: Tensor;
  /** How many random draws the trace has made; each gets its own stream. */
  randomDraws: number;
}

interface Scope {
  readonly made: Set<Tensor>;
  readonly trace: Trace | undefined;
}

const scopes: Scope[] = [];
const abandoned = new FinalizationRegistry((dispose: () => void) => dispose());

/** Registers a new tensor with the innermost scope. */
export function adopt(tensor: Tensor, dispose: () => void): void {
  const scope = scopes.at(-1);
  if (scope) scope.made.add(tensor);
  else abandoned.register(tensor, dispose, tensor);
}

/** Forgets a tensor that was freed by hand. */
export function disown(tensor: Tensor): void {
  for (const scope of scopes) scope.made.delete(tensor);
  abandoned.unregister(tensor);
}

/** The innermost trace, or undefined outside compiled functions. */
export function currentTrace(): Trace | undefined {
  return scopes.findLast((scope) => scope.trace)?.trace;
}

/**
 * Runs `body` in a scope of its own; `keep` picks what leaves it. Everything else made inside is freed, also when
 * `body` throws.
 */
export function withScope<T, R>(trace: Trace | undefined, body: () => T, keep: (result: T) => R): R {
  const scope: Scope = { made: new Set(), trace };
  scopes.push(scope);
  try {
    return keep(body());
  } finally {
    scopes.pop();
    for (const tensor of scope.made) tensor.array.dispose();
  }
}
