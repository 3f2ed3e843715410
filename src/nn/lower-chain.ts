/**
 * Deploys a composite module through its children when its forward pass is a chain of them.
 *
 * The forward pass runs once, in evaluation mode, on a placeholder whose children only record that they were called. It is a chain when every
 * child reads what the one before it gave, and the last one's result is returned.
 */
import { UnsupportedError } from "../core/errors.ts";
import type { GraphBuilder, Value } from "../runtime/graph.ts";
import { activation } from "../runtime/ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { recordActivations } from "./activations.ts";
import { inEvaluationMode } from "./evaluation-mode.ts";
import type { Module } from "./module.ts";

type Step = { kind: "module"; name: string; module: Module } | { kind: "activation"; functionName: string };

/** See `Module.lower`. */
export async function lowerChain(module: Module, graph: GraphBuilder, input: Value, name: string): Promise<Value> {
  const prefix = name === "" ? "" : `${name}.`;
  let value = input;
  for (const step of recordChain(module, name)) {
    if (step.kind === "module") value = await step.module.lower(graph, value, prefix + step.name);
    else value = graph.add(activation, `${prefix}${step.functionName}`, [value], { function: step.functionName });
  }
  return value;
}

function recordChain(module: Module, name: string): Step[] {
  const steps: Step[] = [];
  let last: Tensor = placeholder();
  const record = (step: Step, x: Tensor): Tensor => {
    if (x !== last) throw new NotAChain();
    steps.push(step);
    last = placeholder();
    return last;
  };
  const children = module.children();
  for (const [childName, child] of children) {
    child.forward = (x) => record({ kind: "module", name: childName, module: child }, x);
  }
  try {
    const result = recordActivations(
      (functionName, x) => record({ kind: "activation", functionName }, x),
      () => inEvaluationMode(module, () => module.forward(last)),
    );
    if (result !== last || steps.length === 0) throw new NotAChain();
    return steps;
  } catch (error) {
    throw error instanceof NotAChain ? notAChain(module, name) : error;
  } finally {
    for (const [, child] of children) Reflect.deleteProperty(child, "forward");
  }
}

/** Stands for a tensor; touching it tells that the forward pass does more than call its children. */
function placeholder(): Tensor {
  return new Proxy({} as Tensor, {
    get() {
      throw new NotAChain();
    },
  });
}

class NotAChain extends Error {}

function notAChain(module: Module, name: string): UnsupportedError {
  const path = name === "" ? "the model" : `module ${JSON.stringify(name)}`;
  return new UnsupportedError(
    `${path} (${module.constructor.name}) cannot be deployed through its children: its forward pass is not a chain of them. Define lower(graph, input, name) beside its forward`,
  );
}
