/** Float models to ternary ones, ternary files to one another, and what that cost. */

export type { ElementType } from "../files/element-types.ts";
export type { ElementValues } from "../files/element-values.ts";
export type { GgufFixedType, GgufNumberType } from "../files/gguf/values.ts";
export type { GgufValue, RangeSource, SafetensorsReader } from "../files/index.ts";
export type { OnnxConstant, WrittenAttribute, WrittenNode } from "../files/onnx/writer.ts";
export type { StoredTensor } from "../files/safetensors-header.ts";
export type { AssignedInputs, CalibratedLayer, Calibration } from "./calibration.ts";
export type { CheckpointSource, Configuration, OpenCheckpointOptions } from "./checkpoint-source.ts";
export type { OtherTensor, PackedPlane, RecognisedCheckpoint, StoredBytes } from "./checkpoints/checkpoint.ts";
export {
  type Checkpoint,
  type CheckpointKind,
  type CheckpointTensor,
  checkpointKinds,
  type FloatTensor,
  openCheckpoint,
  type TernaryTensor,
} from "./checkpoints/index.ts";
export type {
  ConversionPlan,
  ConversionRule,
  FitAction,
  PlannedAction,
  PlannedTensor,
  PlanOptions,
} from "./conversion-plan.ts";
export type { ConversionReport, LayerReport, ReportTotal } from "./conversion-report.ts";
export {
  type ConversionEvent,
  type ConvertOptions,
  convertFile,
  type RunOptions,
  runConversion,
} from "./convert-file.ts";
export {
  type CheckpointDiff,
  compareCheckpoints,
  type DiffOptions,
  type DiffStatus,
  diffCheckpoints,
  type TensorDiff,
} from "./diff-checkpoints.ts";
export * from "./fitting/index.ts";
export type { ScaleInspection } from "./inspect-checkpoint.ts";
export { type CheckpointInspection, inspectCheckpoint, type TensorInspection } from "./inspect-checkpoint.ts";
export type { TritCounts } from "./layer-figures.ts";
export { type LoadCheckpointOptions, type LoadedCheckpoint, loadCheckpoint } from "./load-checkpoint.ts";
export { OutputMeasures, WeightMeasures, type WeightSums } from "./measures.ts";
export { type ExportOnnxOptions, exportOnnx, type WeightForm, weightForms } from "./onnx-export/index.ts";
export type { NodeOptions, OnnxGraph, OnnxValue } from "./onnx-export/onnx-graph.ts";
export { planConversion } from "./plan.ts";
export type { LayerCurve, SizeLimit } from "./plan-budget.ts";
export { type PreparedConversion, type PrepareOptions, prepareConversion } from "./prepare-conversion.ts";
export type { TensorProof } from "./prove-written.ts";
export { type Target, type TargetFormat, targets } from "./targets/index.ts";
export type {
  FloatContent,
  KeptContent,
  Neighbour,
  ScaleSharing,
  TargetContent,
  TargetTensor,
  TernaryContent,
  Written,
} from "./targets/target.ts";
