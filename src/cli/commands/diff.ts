/** `bitlinear diff` */
import { nonNegativeOption } from "../diffing/non-negative-option.ts";
import { flagOption, textOption } from "../options.ts";
import { type Command, defineCommand } from "./command.ts";

/** Compares two models. */
export const diff: Command = defineCommand({
  positionals: [
    { name: "A", help: "a model or checkpoint of any kind that inspect reads" },
    { name: "B", help: "another, whose tensors have the same names" },
  ],
  details: [
    "Compares two files tensor by tensor, whatever their containers and formats: equal bytes, equal values (for ternary tensors equal trits and scales), equal trits with other scales, or how far they are apart, relative to A.",
    "With --input both must be models that `bitlinear run` runs; their outputs are compared too. The exit code is 1 where they differ beyond --tolerance.",
  ],
  options: {
    input: textOption("FILE", "samples to run both models on: .npy, idx or CSV"),
    tolerance: nonNegativeOption(
      "X",
      "largest relative error of a tensor, and of all outputs, that counts as equal",
      0,
    ),
    all: flagOption("list all tensors, and not only those that differ"),
  },
  examples: [
    "diff model.safetensors small.safetensors",
    "diff a.safetensors b.safetensors --input samples.npy --tolerance 1e-6",
  ],
  run: async (options, context, paths) => (await import("../diffing/run-diff.ts")).runDiff(options, context, paths),
});
