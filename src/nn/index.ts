/** Training: modules, losses, optimizers, `fit`. */
export {
  type Axes,
  concatenate,
  lift,
  type Operand,
  Parameter,
  type ReduceOptions,
  Tensor,
  tensor,
} from "../tensor/index.ts";
export { activationByName, activations, gelu, relu, sigmoid, silu, squaredRelu, tanh } from "./activations.ts";
export { cloneModule } from "./clone.ts";
export { type ConvertOptions, convertToBitLinear } from "./convert-to-bit-linear.ts";
export type { DeployOptions } from "./deploy.ts";
export { estimateMemory, type LayerSizes, type MemoryEstimate, type MemoryUse } from "./estimate-memory.ts";
export { manualSeed } from "./initialise.ts";
export {
  addLora,
  type LoraAddition,
  type LoraMerge,
  type LoraOptions,
  type MergeError,
  type MergeOptions,
  mergeLora,
} from "./lora.ts";
export { type Activation, type Layer, Module } from "./module.ts";
export { AvgPool2d } from "./modules/avg-pool2d.ts";
export { BatchNorm, type BatchNormOptions } from "./modules/batch-norm.ts";
export { BitConv2d, type BitConvOptions } from "./modules/bit-conv2d.ts";
export { BitLinear, type BitLinearOptions } from "./modules/bit-linear.ts";
export { Conv2d, type ConvOptions } from "./modules/conv2d.ts";
export { Dropout } from "./modules/dropout.ts";
export { Embedding, type EmbeddingOptions } from "./modules/embedding.ts";
export { Flatten } from "./modules/flatten.ts";
export { GlobalAveragePool2d } from "./modules/global-average-pool2d.ts";
export type { Pair } from "./modules/images.ts";
export { LayerNorm } from "./modules/layer-norm.ts";
export { Linear, type LinearOptions } from "./modules/linear.ts";
export { type LoraLayerOptions, LoraLinear } from "./modules/lora-linear.ts";
export { MaxPool2d } from "./modules/max-pool2d.ts";
export { type AttentionOptions, MultiHeadAttention, type ProjectionOptions } from "./modules/multi-head-attention.ts";
export {
  MultiTernaryLinear,
  type MultiTernaryLinearOptions,
  type PlaneOptions,
} from "./modules/multi-ternary-linear.ts";
export type { Pool2d, PoolOptions } from "./modules/pool2d.ts";
export { PositionEmbedding } from "./modules/position-embedding.ts";
export { type NormOptions, RMSNorm } from "./modules/rms-norm.ts";
export { Residual, Sequential } from "./modules/sequential.ts";
export { type FrozenConvOptions, TernaryConv2d } from "./modules/ternary-conv2d.ts";
export { type FrozenTernaryOptions, TernaryLinear } from "./modules/ternary-linear.ts";
export type { TernaryOptions } from "./modules/ternary-weight.ts";
export { TransformerBlock, type TransformerBlockOptions } from "./modules/transformer-block.ts";
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
  type Update,
} from "./optimizers/index.ts";
export { type LayerInputs, type RecordOptions, recordInputs } from "./record-inputs.ts";
export type { Conversion, LayerChoice } from "./replace-layers.ts";
export type { LoadStateOptions, StateDict, StateEntry } from "./state-dict.ts";
export { loadStateDictFile, saveStateDict } from "./state-dict-file.ts";
export type { TernaryLayer, TernarySizes } from "./summary-bytes.ts";
export { type LayerFit, type Ternarization, type TernarizeOptions, ternarize } from "./ternarize.ts";
export type { Sample, TrainingData } from "./training/batches.ts";
export { type DistillOptions, distill, type FeatureDistillation, type LogitDistillation } from "./training/distill.ts";
export type { EarlyStopping } from "./training/early-stopping.ts";
export { type EvaluateOptions, type Evaluation, evaluate, predict } from "./training/evaluate.ts";
export { type CheckpointOptions, type FitOptions, fit } from "./training/fit.ts";
export type { EpochRecord, History, StopReason } from "./training/history.ts";
export {
  crossEntropy,
  type DistillationOptions,
  klDivergence,
  type LabelSmoothing,
  type Loss,
  meanSquaredError,
  smoothedCrossEntropy,
} from "./training/losses.ts";
export { accuracy, indexOfLargest, type Metric, type MetricSum, meanAbsoluteError } from "./training/metrics.ts";
export {
  epochLine,
  type ProgressBarOptions,
  type ProgressEvent,
  type ProgressListener,
  progressBar,
  type TextStream,
} from "./training/progress.ts";
export {
  constant,
  cosine,
  linearDecay,
  type Schedule,
  stepDecay,
  type WarmupOptions,
  warmup,
} from "./training/schedules.ts";
export { type InputValues, type ValueAndGrad, valueAndGrad } from "./value-and-grad.ts";
