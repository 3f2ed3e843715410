/** `bitlinear demo` */
import { activationRules } from "../../activation-rules/index.ts";
import { quantizers } from "../../quantizers/index.ts";
import { choiceOption, flagOption, textOption, wholeNumberOption } from "../options.ts";
import { sampleOptions } from "../sample-options.ts";
import { type Command, defineCommand } from "./command.ts";

/** Trains the same network twice, deploys the ternary one and compares them. */
export const demo: Command = defineCommand({
  details: [
    "Trains the same network (784-256-128-10 with RMS norms) in float32 and with ternary weights, deploys the ternary one, proves that its outputs equal those of the training forward pass on the whole test set, and writes a report. Without --data it draws the digits to learn from itself.",
  ],
  options: {
    data: textOption("DIR", "learn from the four MNIST idx files of this directory, plain or gzipped"),
    download: flagOption("fetch MNIST (12 MB) into the cache first, checked by SHA-256, and learn from it"),
    cache: textOption("DIR", "where downloads are kept (default: bitlinear/mnist in the user's cache directory)"),
    epochs: wholeNumberOption({ help: "epochs of each training (default 8, with MNIST 5)", least: 1, most: 1000 }),
    seed: wholeNumberOption({
      help: "seed of the digits, the first weights and the order of samples",
      least: 0,
      most: 2 ** 32 - 1,
      fallback: 1,
    }),
    quantizer: choiceOption(quantizers, "how weights become ternary", quantizers[0].id),
    activation: choiceOption(
      activationRules,
      "how inputs of ternary layers are rounded (default: the quantizer's own)",
    ),
    ...sampleOptions,
    report: textOption("FILE", "where the report goes (default report.html)"),
    noReport: flagOption("write no report"),
  },
  examples: ["demo", "demo --data ./mnist --epochs 3", "demo --quantizer twn --json"],
  run: async (options, context) => (await import("../demo/run-demo.ts")).runDemo(options, context),
});
