/** ONNX files: constants read by ranges, the weights of layers among them, and whole models written. */
export type { OnnxAttribute, OnnxNode } from "./node-proto.ts";
export { looksLikeOnnx, type OnnxReader, openOnnx } from "./reader.ts";
export type { OnnxTensor } from "./tensor-proto.ts";
export { type BlockTrits, readOnnxRows, readOnnxTrits } from "./weight-rows.ts";
export { type OnnxBlockWeight, type OnnxWeight, type OnnxWeights, onnxWeights, PRODUCER } from "./weights.ts";
export {
  type OnnxConstant,
  type WrittenAttribute,
  type WrittenModel,
  type WrittenNode,
  type WrittenValue,
  writeOnnx,
} from "./writer.ts";
