/** Deployed models as ONNX files. */
export { type ExportOnnxOptions, exportOnnx } from "./export-onnx.ts";
export { type WeightForm, weightForms } from "./weight-forms.ts";
