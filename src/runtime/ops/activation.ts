/** Elementwise functions between layers. */
import type { OutputFunction } from "../../backends/index.ts";
import { UnsupportedError } from "../../core/errors.ts";
import type { GraphNode } from "../graph.ts";
import { describe, type Operation, textAttribute } from "../operation.ts";
import { applyOutputFunction } from "../output-function.ts";

/** An elementwise function of a deployed model. */
export interface HostFunction {
  /** Whether it equals the training engine in all bits; functions of exp do not. */
  readonly isExact: boolean;
  apply(value: number): number;
  /** Its name among the functions that layers apply to their outputs. */
  readonly outputFunction?: OutputFunction;
}

/** The functions by name. Results are rounded to float32 when they are stored. */
export const hostFunctions: Readonly<Record<string, HostFunction>> = {
  relu: { isExact: true, outputFunction: "relu", apply: (x) => Math.max(0, x) },
  squaredRelu: { isExact: true, outputFunction: "squaredRelu", apply: (x) => Math.max(0, x) * Math.max(0, x) },
  gelu: { isExact: false, apply: (x) => 0.5 * x * (1 + errorFunction(x * Math.SQRT1_2)) },
  silu: { isExact: false, apply: (x) => x / (1 + Math.exp(-x)) },
  tanh: { isExact: false, apply: Math.tanh },
  sigmoid: { isExact: false, apply: (x) => 1 / (1 + Math.exp(-x)) },
};

/** Any shape → the same. Attributes: function. */
export const activation: Operation = {
  id: "activation",
  summary: "elementwise function",
  isExact: (node) => hostFunction(node).isExact,
  outputFunction: (node) => hostFunction(node).outputFunction,
  prepare(node) {
    const { apply, outputFunction } = hostFunction(node);
    return {
      overwrites: true,
      run([x], target) {
        const data = target ?? x.data.slice();
        if (outputFunction) applyOutputFunction(data, outputFunction);
        else for (let i = 0; i < data.length; i++) data[i] = apply(data[i]);
        return { shape: x.shape, data };
      },
    };
  },
};

function hostFunction(node: GraphNode): HostFunction {
  const name = textAttribute(node, "function");
  if (Object.hasOwn(hostFunctions, name)) return hostFunctions[name];
  const known = Object.keys(hostFunctions).join(", ");
  throw new UnsupportedError(`${describe(node)}: there is no function ${JSON.stringify(name)}; known: ${known}`);
}

/**
 * The error function in float64: Taylor series below 3, continued fraction (Lentz) above.
 *
 * Abramowitz, Stegun, "Handbook of Mathematical Functions", 1964, 7.1.5 and 7.1.14.
 */
function errorFunction(x: number): number {
  const magnitude = Math.abs(x);
  if (magnitude > 6) return Math.sign(x);
  if (magnitude < 3) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum) && n < 200; n++) {
      term *= -(x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = magnitude;
  for (let n = 60; n >= 1; n--) fraction = magnitude + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-magnitude * magnitude) / (fraction * Math.sqrt(Math.PI)));
}
