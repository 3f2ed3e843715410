/** The training engine's face: tensors without reference counts, compiled functions, gradients. */
export {
  type Compiled,
  compile,
  type Differentiated,
  differentiate,
  randomKey,
  type TraceSettings,
  ternaryShare,
  tidy,
  traceWithParameters,
  withParameters,
} from "./compile.ts";
export { Parameter } from "./parameter.ts";
export { type Axes, concatenate, lift, type Operand, type ReduceOptions, Tensor, tensor } from "./tensor.ts";
