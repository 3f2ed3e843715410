/** `bitlinear export` */
import { weightForms } from "../../convert/onnx-export/index.ts";
import { choiceOption } from "../options.ts";
import { type Command, defineCommand } from "./command.ts";

/** Writes a saved model as an ONNX file. */
export const exportCommand: Command = defineCommand({
  positionals: [
    { name: "MODEL", help: "a saved model, .safetensors" },
    { name: "FILE.onnx", help: "the file to write" },
  ],
  details: [
    "Writes a saved model for ONNX Runtime and whatever else reads ONNX (operator set 17). Its input and output are those of `bitlinear run`: a batch first, images with their channels last.",
    "Every operation is written step by step as bitlinear computes it, so that outputs are equal in all bits wherever no products of floats are summed; docs/onnx.md tells what is equal.",
  ],
  options: {
    weights: choiceOption(weightForms, "how weights of fully connected ternary layers are written", weightForms[0].id),
  },
  examples: ["export model.safetensors model.onnx", "export model.safetensors model.onnx --weights matmulnbits"],
  run: async (options, context, [model, file]) =>
    (await import("../export-model.ts")).exportSavedModel(options, context, model, file),
});
