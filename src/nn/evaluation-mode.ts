/** Looking at a module as it behaves in evaluation, whatever its mode is. */
import type { Module } from "./module.ts";

/** Runs `body` with a module, and everything below it, in evaluation mode; every mode comes back afterwards. */
export function inEvaluationMode<T>(module: Module, body: () => T): T {
  const modes = module.namedModules().map(([, part]): [Module, boolean] => [part, part.isTraining]);
  module.eval();
  try {
    return body();
  } finally {
    for (const [part, isTraining] of modes) part.isTraining = isTraining;
  }
}
