/** Compiled functions and gradients over lists of tensors. */
import { ShapeError } from "../core/errors.ts";
import { deriveSeed } from "../core/random.ts";
import { formatShape } from "../core/shape.ts";
import { type EngineArray, jit, lax, np, valueAndGrad } from "./engine.ts";
import type { Parameter } from "./parameter.ts";
import { currentTrace, type Trace, withScope } from "./scope.ts";
import { Tensor } from "./tensor.ts";

let nesting = 0; // of differentiate

/** A function of tensors that is traced once for each combination of input shapes; disposing of it frees its constants. */
export interface Compiled extends Disposable {
  (inputs: readonly Tensor[]): Tensor[];
}

/** Compiles `body`; it must not depend on anything but its inputs, which it borrows. */
export function compile(body: (inputs: Tensor[]) => readonly Tensor[]): Compiled {
  const traced = jit((arrays: EngineArray[]) =>
    withScope(
      emptyTrace(),
      () => body(arrays.map((array) => new Tensor(array))),
      (outputs) => outputs.map((output) => output.array.ref),
    ),
  );
  const run = (inputs: readonly Tensor[]): Tensor[] => {
    const arrays = inputs.map((input) => input.array.ref);
    try {
      return traced(arrays).map((array) => new Tensor(array));
    } catch (error) {
      for (const array of arrays) array.dispose(); // the trace failed, so that nobody took them over
      throw error;
    }
  };
  return Object.assign(run, { [Symbol.dispose]: () => traced.dispose() });
}

/** A scalar with its gradients, and what else the function gave. */
export interface Differentiated {
  /** Shape `[]`. */
  readonly value: Tensor;
  readonly extra: readonly Tensor[];
  /** One for each variable, of its shape. */
  readonly gradients: readonly Tensor[];
}

/**
 * Runs `body` on `variables` and differentiates its scalar `value` by each of them; works inside `compile`.
 *
 * @throws ShapeError when the value is no scalar
 */
export function differentiate(
  body: (variables: Tensor[]) => { value: Tensor; extra: readonly Tensor[] },
  variables: readonly Tensor[],
): Differentiated {
  // Inside another one, the variables may depend on the outer variables, so that their values are no constants.
  const isOutermost = nesting === 0;
  const traced = valueAndGrad(
    (arrays: EngineArray[]): [EngineArray, EngineArray[]] => {
      nesting++;
      try {
        return withScope(
          undefined,
          () => checkScalar(body(arrays.map((array, i) => new Tensor(array, isOutermost ? variables[i] : undefined)))),
          // Without stopGradient the engine fails on an extra that is a variable itself.
          ({ value, extra }) => [value.array.ref, extra.map((tensor) => lax.stopGradient(tensor.array.ref))],
        );
      } finally {
        nesting--;
      }
    },
    { hasAux: true },
  );
  const [[value, extra], gradients] = traced(variables.map((variable) => variable.array.ref));
  return {
    value: new Tensor(value),
    extra: extra.map((array) => new Tensor(array)),
    gradients: gradients.map((array) => new Tensor(array)),
  };
}

/** What a trace is told beside the values of parameters. */
export interface TraceSettings {
  /** Seed of the run, for dropout; absent in evaluation. */
  randomKey?: Tensor | undefined;
  /** Share of the ternary weights in ternary layers, `[1]`; see `ternaryShare`. */
  ternaryShare?: Tensor | undefined;
}

/** Runs `body` with tensors standing for parameters; gives its results and the buffers' next values. */
export function traceWithParameters(
  parameters: readonly Parameter[],
  tensors: readonly Tensor[],
  { randomKey, ternaryShare }: TraceSettings,
  body: () => readonly Tensor[],
): { results: Tensor[]; updates: ReadonlyMap<Parameter, Tensor> } {
  const trace: Trace = {
    ...emptyTrace(),
    bindings: new Map(parameters.map((parameter, i) => [parameter, tensors[i]])),
    ...(randomKey && { randomKey }),
    ...(ternaryShare && { ternaryShare }),
  };
  const kept = withScope(trace, body, (results) => ({
    results: results.map((result) => result.array.ref),
    updates: [...trace.updates].map(([parameter, next]): [Parameter, EngineArray] => [parameter, next.array.ref]),
  }));
  return {
    results: kept.results.map((array) => new Tensor(array)),
    updates: new Map(kept.updates.map(([parameter, array]) => [parameter, new Tensor(array)])),
  };
}

/** `traceWithParameters` for a function of one result. */
export function withParameters(
  parameters: readonly Parameter[],
  tensors: readonly Tensor[],
  randomKey: Tensor | undefined,
  body: () => Tensor,
): { result: Tensor; updates: ReadonlyMap<Parameter, Tensor> } {
  const { results, updates } = traceWithParameters(parameters, tensors, { randomKey }, () => [body()]);
  return { result: results[0], updates };
}

/**
 * How much of a ternary layer's weight is ternary while training warms up, `[1]`: W_λ = (1 - λ) · W + λ · trit · scale.
 * Undefined where the weight is ternary altogether, as it is everywhere but in such a step.
 */
export function ternaryShare(): Tensor | undefined {
  return currentTrace()?.ternaryShare;
}

/** Runs `body` and frees every tensor it made but the one it returns. */
export function tidy(body: () => Tensor): Tensor {
  return new Tensor(withScope(undefined, body, (result) => result.array.ref));
}

/** The seed of one run, for `withParameters`: `[2]` uint32. Each step has draws of its own, and each draw in it. */
export function randomKey(seed: number, step: number): Tensor {
  return new Tensor(np.array(new Uint32Array([seed, deriveSeed(seed, step)]), { dtype: np.uint32 }));
}

function checkScalar<T extends { value: Tensor }>(result: T): T {
  const { shape } = result.value;
  if (shape.length === 0) return result;
  throw new ShapeError(`a loss must be one number, of shape [], got ${formatShape(shape)}: end it with .mean()`);
}

/** A trace that knows no parameters. */
function emptyTrace(): Trace {
  return { bindings: new Map(), updates: new Map(), randomDraws: 0 };
}
