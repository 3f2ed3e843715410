/** `bitlinear inspect` */
import { LINEAR_CLASSES } from "../../convert/hf-bitnet-files.ts";
import { choiceOption, textOption } from "../options.ts";
import { type Command, defineCommand } from "./command.ts";

/** Shows what a model or another file of tensors is made of. */
export const inspect: Command = defineCommand({
  positionals: [
    {
      name: "MODEL",
      help: "a saved model, .safetensors, or safetensors of others, GGUF, .npz or ONNX; told by its bytes",
    },
  ],
  details: [
    "Shows the operations of a saved model in the order in which they run: shapes, the share of each trit, stored bits of a weight (scales included), bytes, and whether results equal the training forward pass in all bits.",
    "Of any other file it shows the tensors: types, trits, scales, bits and bytes, and by what evidence ternary ones were recognised.",
  ],
  options: {
    report: textOption("FILE.html", "write an HTML report with histograms of the weights; of a saved model, too"),
    linearClass: choiceOption(
      LINEAR_CLASSES.map((id, i) => ({ id, summary: i === 0 ? "the scale multiplies" : "the scale divides" })),
      "what weight_scale means in a packed Hugging Face file without config.json",
    ),
  },
  examples: [
    "inspect model.safetensors",
    "inspect model.safetensors --json",
    "inspect model.gguf --report weights.html",
  ],
  run: async (options, context, [path]) =>
    (await import("../inspecting/inspect-file.ts")).inspectFile(path, options, context),
});
