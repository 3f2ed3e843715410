/** `bitlinear run` */
import { backends } from "../../backends/index.ts";
import { choiceOption, numberOption, textOption, wholeNumberOption } from "../options.ts";
import { type Command, defineCommand } from "./command.ts";

/** Runs a saved model on the samples of a file. */
export const run: Command = defineCommand({
  positionals: [
    { name: "MODEL", help: "a saved model, .safetensors" },
    { name: "INPUT", help: "samples: .npy, idx (plain or gzipped) or CSV; told apart by their bytes" },
  ],
  details: [
    "Runs a saved model on every sample of a file, without the training engine. A model that knows its classes gives the likeliest ones with their probabilities (the softmax of its outputs), any other gives its raw outputs.",
    "The first axis counts the samples: .npy [count, ...], idx [count, rows, columns], CSV one line each. A file that holds just one sample may leave that axis out.",
  ],
  options: {
    top: wholeNumberOption({ placeholder: "K", help: "show the K likeliest classes (default 3)", least: 1 }),
    labels: textOption("FILE", "the true class index of each sample (.npy, idx or CSV), to tell the accuracy"),
    output: textOption("FILE.npy", "save the raw outputs of all samples"),
    divideBy: numberOption({
      help: "divide inputs by this (default 255 for idx, whose values are bytes, else 1)",
      least: 0,
    }),
    limit: wholeNumberOption({
      help: "show the first N samples; 0 shows all (--json always does)",
      least: 0,
      fallback: 10,
    }),
    backend: choiceOption(backends, "what runs it (default: the first of these that this machine has)"),
  },
  examples: [
    "run digits.safetensors t10k-images-idx3-ubyte.gz --labels t10k-labels-idx1-ubyte.gz",
    "run digits.safetensors image.npy --top 1",
    "run model.safetensors table.csv --output outputs.npy --json",
  ],
  run: async (options, context, positionals) =>
    (await import("../running/run-saved-model.ts")).runSavedModel(options, context, positionals),
});
