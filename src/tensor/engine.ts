/**
 * The one door to the training engine: every other file of the project sees `Tensor`, never jax-js.
 *
 * jax-js is used without `init()` (WebAssembly is ready at import) and without `einsum`, which need what Node 20 lacks.
 */
import { type Array as EngineArray, numpy as np } from "@jax-js/jax";

export { jit, lax, nn, numpy as np, random, tree, valueAndGrad } from "@jax-js/jax";
export type { EngineArray };

const constants = new Map<number, EngineArray>();

/**
 * A float32 constant of shape `[1]` that the engine cannot fold.
 *
 * Scalars written into a traced function become literals, and the simplifier reassociates chains of them, which
 * changes bits. An array of one element is an input instead. The arrays live as long as the process.
 */
export function constantArray(value: number): EngineArray {
  let array = constants.get(value);
  if (array === undefined) {
    array = np.array(new Float32Array([value]));
    constants.set(value, array);
  }
  return array.ref;
}
