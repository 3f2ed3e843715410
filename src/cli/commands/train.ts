/** `bitlinear train` */
import { activationRules } from "../../activation-rules/index.ts";
import { modelFormats } from "../../formats/index.ts";
import { quantizers } from "../../quantizers/index.ts";
import { dataSources } from "../data-sources.ts";
import { choiceOption, flagOption, numberOption, textOption, wholeNumberOption } from "../options.ts";
import { presets } from "../presets/index.ts";
import { sampleOptions } from "../sample-options.ts";
import { type Command, defineCommand } from "./command.ts";

/** Trains a preset and saves it packed. */
export const train: Command = defineCommand({
  details: [
    "Trains a network, measures it on the test set after each epoch, and saves it packed, ready for `bitlinear run` and loadModel.",
    "Ctrl-C stops after the running step and leaves a checkpoint; --resume goes on from it to the same bits as a training that never stopped.",
  ],
  options: {
    model: choiceOption(presets, "which network", presets[0].id),
    data: textOption("PATH", "directory of MNIST files for mlp and cnn, text file or directory for transformer-char"),
    dataset: choiceOption(dataSources, "which data, where the network has a choice"),
    float: flagOption("train the float32 twin of the network instead"),
    quantizer: choiceOption(quantizers, `how weights become ternary (default ${quantizers[0].id})`),
    activation: choiceOption(
      activationRules,
      "how inputs of ternary layers are rounded (default: the quantizer's own)",
    ),
    format: choiceOption(modelFormats, "how trits are stored", modelFormats[0].id),
    epochs: wholeNumberOption({ help: `passes over the data (default ${defaultsOf("epochs")})`, least: 1 }),
    batchSize: wholeNumberOption({ help: `samples of a step (default ${defaultsOf("batchSize")})`, least: 1 }),
    learningRate: numberOption({
      help: `of AdamW, before its cosine (default ${defaultsOf("learningRate")})`,
      least: 0,
    }),
    seed: wholeNumberOption({
      help: "seed of the first weights, of the order of samples and of drawn digits",
      least: 0,
      most: 2 ** 32 - 1,
      fallback: 1,
    }),
    ...sampleOptions,
    out: textOption("FILE", "where the packed model goes", "model.safetensors"),
    checkpoint: textOption(
      "FILE",
      "keep the state after each epoch here (default: beside --out, removed when the training is done)",
    ),
    resume: textOption("FILE", "go on from a checkpoint"),
    report: textOption("FILE", "write an HTML report of the training"),
  },
  examples: [
    "train --data ./mnist --epochs 5 --out digits.safetensors",
    "train --model cnn --data ./mnist --quantizer twn --report report.html",
    "train --model mlp --dataset spoken-digits --data ./free-spoken-digit-dataset",
    "train --model transformer-char --data shakespeare.txt",
  ],
  run: async (options, context) => (await import("../training/run-train.ts")).runTrain(options, context),
});

/** `5`, or `5; transformer-char: 3` where presets differ. */
function defaultsOf(setting: "epochs" | "batchSize" | "learningRate"): string {
  const [first] = presets;
  const others = presets.filter(({ recipe }) => recipe[setting] !== first.recipe[setting]);
  return [`${first.recipe[setting]}`, ...others.map(({ id, recipe }) => `${id}: ${recipe[setting]}`)].join("; ");
}
