/** Training: modules, losses, optimizers, `fit`. */
export { concatenate, lift, Parameter, Tensor, tensor } from "../tensor/index.ts";
export { activationByName, activations, gelu, relu, sigmoid, silu, squaredRelu, tanh } from "./activations.ts";
export { AvgPool2d } from "./avg-pool2d.ts";
export { BatchNorm, type BatchNormOptions } from "./batch-norm.ts";
export type { Sample, TrainingData } from "./batches.ts";
export { BitConv2d, type BitConvOptions } from "./bit-conv2d.ts";
export { BitLinear, type BitLinearOptions } from "./bit-linear.ts";
export { cloneModule } from "./clone.ts";
export { Conv2d, type ConvOptions } from "./conv2d.ts";
export { type Conversion, type ConvertOptions, convertToBitLinear } from "./convert-to-bit-linear.ts";
export type { DeployOptions } from "./deploy.ts";
export { Dropout } from "./dropout.ts";
export type { EarlyStopping } from "./early-stopping.ts";
export { Embedding, type EmbeddingOptions } from "./embedding.ts";
export { estimateMemory, type LayerSizes, type MemoryEstimate, type MemoryUse } from "./estimate-memory.ts";
export { type EvaluateOptions, type Evaluation, evaluate, predict } from "./evaluate.ts";
export { type CheckpointOptions, type FitOptions, fit } from "./fit.ts";
export { Flatten } from "./flatten.ts";
export { GlobalAveragePool2d } from "./global-average-pool2d.ts";
export type { EpochRecord, History, StopReason } from "./history.ts";
export type { Pair } from "./images.ts";
export { manualSeed } from "./initialise.ts";
export { LayerNorm } from "./layer-norm.ts";
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
export { MaxPool2d, type PoolOptions } from "./max-pool2d.ts";
export { accuracy, indexOfLargest, type Metric, type MetricSum, meanAbsoluteError } from "./metrics.ts";
export { type Activation, type Layer, Module } from "./module.ts";
export { type AttentionOptions, MultiHeadAttention, type ProjectionOptions } from "./multi-head-attention.ts";
export { MultiTernaryLinear, type MultiTernaryLinearOptions, type PlaneOptions } from "./multi-ternary-linear.ts";
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
export { PositionEmbedding } from "./position-embedding.ts";
export {
  epochLine,
  type ProgressBarOptions,
  type ProgressEvent,
  type ProgressListener,
  progressBar,
} from "./progress.ts";
export { type NormOptions, RMSNorm } from "./rms-norm.ts";
export { constant, cosine, linearDecay, type Schedule, stepDecay, type WarmupOptions, warmup } from "./schedules.ts";
export { Residual, Sequential } from "./sequential.ts";
export type { LoadStateOptions, StateDict, StateEntry } from "./state-dict.ts";
export { loadStateDictFile, saveStateDict } from "./state-dict-file.ts";
export type { TernaryOptions } from "./ternary-weight.ts";
export { TransformerBlock, type TransformerBlockOptions } from "./transformer-block.ts";
export { type InputValues, type ValueAndGrad, valueAndGrad } from "./value-and-grad.ts";
