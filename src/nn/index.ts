/** Training: modules, losses, optimizers, `fit`. */
export { concatenate, lift, Parameter, Tensor, tensor } from "../tensor/index.ts";
export { activationByName, activations, gelu, relu, sigmoid, silu, squaredRelu, tanh } from "./activations.ts";
export type { Sample, TrainingData } from "./batches.ts";
export { BitLinear, type BitLinearOptions } from "./bit-linear.ts";
export type { DeployOptions } from "./deploy.ts";
export type { EarlyStopping } from "./early-stopping.ts";
export { type EvaluateOptions, type Evaluation, evaluate, predict } from "./evaluate.ts";
export { type CheckpointOptions, type FitOptions, fit } from "./fit.ts";
export type { EpochRecord, History, StopReason } from "./history.ts";
export { Linear, type LinearOptions } from "./linear.ts";
export {
  crossEntropy,
  type DistillationOptions,
  klDivergence,
  type LabelSmoothing,
  type Loss,
  meanSquaredError,
  smoothedCrossEntropy,
} from "./losses.ts";
export { accuracy, indexOfLargest, type Metric, type MetricSum, meanAbsoluteError } from "./metrics.ts";
export { type Activation, type Layer, Module } from "./module.ts";
export {
  type AdamOptions,
  adam,
  adamW,
  type LionOptions,
  lion,
  type Optimizer,
  optimizers,
  type SgdOptions,
  sgd,
} from "./optimizers/index.ts";
export { epochLine, type ProgressEvent, type ProgressListener, progressBar } from "./progress.ts";
export { type NormOptions, RMSNorm } from "./rms-norm.ts";
export { constant, cosine, linearDecay, type Schedule, stepDecay, type WarmupOptions, warmup } from "./schedules.ts";
export { Residual, Sequential } from "./sequential.ts";
export type { LoadStateOptions, StateDict, StateEntry } from "./state-dict.ts";
export type { TernaryOptions } from "./ternary-weight.ts";
