/** `bitlinear convert` */
import { LINEAR_CLASSES } from "../../convert/hf-bitnet-files.ts";
import { DEFAULT_QUANTIZER, planeQuantizers } from "../../convert/plane-quantizer.ts";
import { targets } from "../../convert/targets/index.ts";
import { byteSizeOption } from "../converting/byte-size-option.ts";
import { patternsOption, rulesOption } from "../converting/pattern-options.ts";
import { choiceOption, flagOption, numberOption, textOption, wholeNumberOption } from "../options.ts";
import { type Command, defineCommand } from "./command.ts";

/** Makes a float model ternary, or writes a ternary one in another format. */
export const convert: Command = defineCommand({
  positionals: [
    {
      name: "SOURCE",
      help: "safetensors (or its index.json), GGUF, .npz, ONNX, or a model of bitlinear; told by its bytes",
    },
  ],
  details: [
    "Makes the weights of a float model ternary, or writes a ternary model in another format, reads the file back to prove what is in it, and tells layer by layer what was lost. Embeddings, norms, the head and vectors stay as they are, unless they are asked for.",
    "Patterns are names of tensors: * stands for any characters, ? for one; several are separated by commas. --skip forbids, --rule and --include ask for; --dry-run shows what would happen.",
    "Ctrl-C stops cleanly: finished tensors are kept in FILE.partial, and the same command goes on from there.",
  ],
  options: {
    out: textOption("FILE", "the file to write: *.safetensors or *.gguf"),
    to: choiceOption(targets, "what kind of file (default: by the name of --out)"),
    format: choiceOption(
      targets.flatMap(({ formats }) => formats),
      "how trits are stored (default: the target's first)",
    ),
    float: flagOption("write ternary weights as float32 again, and make nothing ternary"),
    include: patternsOption("make these tensors ternary and no others"),
    skip: patternsOption(
      "leave these tensors as they are, instead of embeddings, norms and the head; the word nothing skips none",
    ),
    rule: rulesOption("PATTERN=QUANTIZER:PLANES of some tensors, either part may be left out: '*.down_proj.*=:2'"),
    quantizer: choiceOption(planeQuantizers, "how weights become ternary", DEFAULT_QUANTIZER),
    planes: wholeNumberOption({
      placeholder: "K",
      help: "ternary planes of each weight, which add up (default 1)",
      least: 1,
      most: 4,
    }),
    budget: byteSizeOption(
      "choose the planes of each layer so that all tensors together take at most so many bytes: 40MB",
    ),
    bits: numberOption({
      help: "choose the planes so that a weight takes so many bits on average, scales included",
      least: 0,
    }),
    calibration: textOption(
      "FILE",
      "inputs of layers, .npz by the layers' names or .npy: planes are fitted to outputs",
    ),
    linearClass: choiceOption(
      LINEAR_CLASSES.map((id, i) => ({ id, summary: i === 0 ? "the scale multiplies" : "the scale divides" })),
      "what weight_scale means in a packed Hugging Face file without config.json",
    ),
    dryRun: flagOption("print the plan and write nothing"),
    report: textOption("FILE.html", "write an HTML report with charts and histograms"),
  },
  examples: [
    "convert model.safetensors --out small.safetensors",
    "convert model.safetensors --out small.safetensors --bits 2.5 --report report.html",
    "convert model-f16.gguf --out model-tq2_0.gguf --format tq2_0",
  ],
  run: async (options, context, [source]) =>
    (await import("../converting/run-convert.ts")).runConvert(options, context, source),
});
