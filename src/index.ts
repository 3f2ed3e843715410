/** bitlinear without training: quantizers, storage formats, backends and deployed models. */
export {
  type ActivationRule,
  type ActivationRuleId,
  activationRule,
  activationRules,
  type TracedActivation,
} from "./activation-rules/index.ts";
export {
  type Backend,
  type BackendConvolution,
  type BackendEntry,
  type BackendLinear,
  type BackendOptions,
  backends,
  type ConvolutionGeometry,
  type HardwareCeilings,
  type LayerOptions,
  type OutputFunction,
  openBackend,
} from "./backends/index.ts";
export {
  BitLinearError,
  DeviceError,
  DivergedError,
  type ErrorCode,
  FileError,
  type FileLocation,
  ShapeError,
  UnsupportedError,
  UsageError,
} from "./core/errors.ts";
export { ungroup } from "./core/regroup.ts";
export type { Shape } from "./core/shape.ts";
export {
  dequantize,
  type Granularity,
  type MatrixShape,
  type ScaleGranularity,
  scaleOf,
  type TernaryMatrix,
} from "./core/ternary-matrix.ts";
export type { TernaryRows, TernaryWeights } from "./core/ternary-rows.ts";
export type { ByteSource } from "./files/index.ts";
export { type Format, formatById, formats, type MatrixScales, modelFormats } from "./formats/index.ts";
export {
  createQuantizer,
  type Quantizer,
  type QuantizerOptions,
  type QuantizerRule,
  type QuantizerScheme,
  quantizers,
  type TracedTernary,
} from "./quantizers/index.ts";
export { type DecomposeOptions, decompose, type PlaneFit, sumPlanes } from "./quantizers/multi-ternary.ts";
export { DeployedModel, type OpenOptions, type RunOptions } from "./runtime/deployed-model.ts";
export {
  type AttributeValue,
  type FloatTensor,
  type Graph,
  GraphBuilder,
  type GraphNode,
  type NodeTensor,
  type PackedTensor,
  type Value,
} from "./runtime/graph.ts";
export {
  type Inspection,
  inspectModel,
  type NodeInspection,
  type SizeInspection,
  type TritShares,
} from "./runtime/inspect.ts";
export { formatInspection } from "./runtime/inspection-text.ts";
export {
  type LoadModelOptions,
  loadModel,
  modelToBytes,
  type SaveModelOptions,
  saveModel,
} from "./runtime/model-file.ts";
export type { HostTensor } from "./runtime/operation.ts";
