/** Looking at what goes through the layers of a module while its forward pass runs. */
import type { Tensor } from "../tensor/index.ts";
import type { Module } from "./module.ts";

/** A layer's input and output, in the order of the calls. */
export interface LayerCall {
  readonly input: Tensor;
  readonly output: Tensor;
}

/**
 * Runs `body` and gives every call of the forward passes of some modules in it. A module that is called several times has
 * several calls; the tensors belong to the scope that `body` runs in.
 */
export function watchLayers<T>(
  modules: readonly Module[],
  body: () => T,
): { result: T; calls: ReadonlyMap<Module, readonly LayerCall[]> } {
  const calls = new Map(modules.map((module): [Module, LayerCall[]] => [module, []]));
  for (const [module, found] of calls) {
    const forward = module.forward.bind(module);
    // An own property, which the one of the class shows through again once it is deleted.
    module.forward = (input) => {
      const output = forward(input);
      found.push({ input, output });
      return output;
    };
  }
  try {
    return { result: body(), calls };
  } finally {
    for (const module of calls.keys()) Reflect.deleteProperty(module, "forward");
  }
}
