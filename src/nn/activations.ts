/** Activation functions: plain functions of tensors that `Sequential` takes and that deploy by name. */
import { UnsupportedError } from "../core/errors.ts";
import type { Tensor } from "../tensor/index.ts";
import type { Activation } from "./module.ts";

type Recorder = (functionName: string, x: Tensor) => Tensor;

let recorder: Recorder | undefined;

/** max(0, x). Exact when deployed. */
export const relu: Activation = activationOf("relu", (x) => x.relu());

/** max(0, x)², the activation of BitNet b1.58 2B4T. Exact when deployed. */
export const squaredRelu: Activation = activationOf("squaredRelu", (x) => x.relu().square());

/** x · Φ(x) with the error function. Hendrycks, Gimpel, "Gaussian Error Linear Units", 2016, arXiv:1606.08415. */
export const gelu: Activation = activationOf("gelu", (x) => x.gelu());

/** x · sigmoid(x). */
export const silu: Activation = activationOf("silu", (x) => x.silu());

/** Hyperbolic tangent. */
export const tanh: Activation = activationOf("tanh", (x) => x.tanh());

/** 1 / (1 + exp(-x)). */
export const sigmoid: Activation = activationOf("sigmoid", (x) => x.sigmoid());

/** Every activation function. */
export const activations: readonly Activation[] = [relu, squaredRelu, gelu, silu, tanh, sigmoid];

/**
 * The activation of a name.
 *
 * @throws UnsupportedError listing the names there are
 */
export function activationByName(name: string): Activation {
  const found = activations.find(({ functionName }) => functionName === name);
  if (found) return found;
  const names = activations.map(({ functionName }) => functionName).join(", ");
  throw new UnsupportedError(`there is no activation ${JSON.stringify(name)}; choose one of: ${names}`);
}

/** Runs `body` while activations call `record` instead of computing; used to find out what a forward pass does. */
export function recordActivations<T>(record: Recorder, body: () => T): T {
  const outer = recorder;
  recorder = record;
  try {
    return body();
  } finally {
    recorder = outer;
  }
}

function activationOf(functionName: string, compute: (x: Tensor) => Tensor): Activation {
  const apply = (x: Tensor): Tensor => (recorder ? recorder(functionName, x) : compute(x));
  return Object.assign(apply, { functionName });
}
