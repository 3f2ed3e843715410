/**
 * A float transformer becomes ternary: first by converting it, then by learning from the float model what it said.
 *
 *     npx tsx examples/distill-transformer.ts --data DIR [--epochs 6] [--distill-epochs 1] [--quantizer bitnet] [--seed 1]
 *
 * DIR holds tiny Shakespeare (input.txt); BITLINEAR_DATA names it as well. An epoch of the float model is 100
 * steps of 16 passages, one of the ternary models 200.
 */
import { parseArgs } from "node:util";
import { BitLinearError, UsageError } from "bitlinear";
import {
  characterDataset,
  type Dataset,
  loadTinyShakespeare,
  resolveDataDirectory,
  sampleCount,
  subset,
} from "bitlinear/datasets";
import {
  adamW,
  convertToBitLinear,
  cosine,
  crossEntropy,
  distill,
  Embedding,
  evaluate,
  fit,
  Linear,
  type Module,
  PositionEmbedding,
  RMSNorm,
  Sequential,
  TransformerBlock,
} from "bitlinear/nn";

const CONTEXT = 64;
const FEATURES = 64;
/** Passages that the ternary models learn from. */
const PASSAGES = 3200;
/** Passages that losses are measured on. */
const UNSEEN = 500;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: "string" },
      epochs: { type: "string", default: "6" },
      "distill-epochs": { type: "string", default: "1" },
      quantizer: { type: "string", default: "bitnet" },
      seed: { type: "string", default: "1" },
    },
  });
  const { quantizer } = values;
  const [seed, distillEpochs] = [Number(values.seed), Number(values["distill-epochs"])];
  if (!(Number.isInteger(distillEpochs) && distillEpochs >= 1)) {
    throw new UsageError(`--distill-epochs needs a whole number of at least 1, got "${values["distill-epochs"]}"`);
  }
  const text = await loadTinyShakespeare(resolveDataDirectory(values.data));
  const { train, test, vocabulary } = characterDataset(text, { sequenceLength: CONTEXT });
  const unseen = firstOf(test, UNSEEN);
  const recipe = { batchSize: 16, schedule: cosine({ warmupSteps: 50 }), clipNorm: 1, seed };

  console.log("1. A float transformer learns to guess the next character ...");
  const teacher = floatTransformer(vocabulary.characters.length, seed);
  await fit(teacher, train, {
    ...recipe,
    epochs: Number(values.epochs),
    stepsPerEpoch: 100,
    optimizer: adamW({ learningRate: 3e-3 }),
  });

  console.log(`\n2. The linear layers of a copy become ternary (quantizer ${quantizer}), all but the last:`);
  const convert = () => convertToBitLinear(teacher, { quantizer, skip: ["5"], inPlace: false });
  const { model: student, converted } = convert();
  console.log(`   ${converted.join(", ")}`);
  const results: [string, number][] = [
    ["float", await lossOn(unseen, teacher)],
    ["ternary, only converted", await lossOn(unseen, student)],
  ];

  console.log("\n3. It learns to give the float model's probabilities, not only the right character ...");
  const passages = firstOf(train, PASSAGES);
  const fineTuning = {
    ...recipe,
    epochs: distillEpochs,
    optimizer: adamW({ learningRate: 2e-3 }),
  };
  await distill(student, teacher, passages, { ...fineTuning, logits: { temperature: 1 }, taskWeight: 0 });
  results.push(["ternary, distilled", await lossOn(unseen, student)]);

  console.log("\n4. For comparison, another ternary copy learns from the same text alone ...");
  const { model: alone } = convert();
  await fit(alone, passages, { ...fineTuning, loss: crossEntropy });
  results.push(["ternary, fine-tuned on the text", await lossOn(unseen, alone)]);

  console.log("\nLoss on passages that no model has seen (lower is better):");
  for (const [name, loss] of results) console.log(`  ${name.padEnd(34)} ${loss.toFixed(3)}`);
  const deployed = await student.deploy();
  console.log(`The distilled model takes ${deployed.byteLength} bytes instead of ${deployed.floatByteLength}.`);
}

function floatTransformer(classes: number, seed: number): Module {
  const block = { causal: true, layer: "float" } as const;
  const model = new Sequential(
    new Embedding(classes, FEATURES, { deviation: 0.1, seed }),
    new PositionEmbedding(CONTEXT, FEATURES, { seed: seed + 1 }),
    new TransformerBlock(FEATURES, 4, { ...block, seed: seed + 2 }),
    new TransformerBlock(FEATURES, 4, { ...block, seed: seed + 3 }),
    new RMSNorm(FEATURES),
    new Linear(FEATURES, classes, { seed: seed + 4 }),
  );
  model.inputShape = [CONTEXT];
  return model;
}

function firstOf(data: Dataset, count: number): Dataset {
  return subset(data, 0, Math.min(count, sampleCount(data)));
}

async function lossOn(data: Dataset, model: Module): Promise<number> {
  const { loss = Number.NaN } = await evaluate(model, data, { loss: crossEntropy });
  return loss;
}

main().catch((error: unknown) => {
  if (error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS")) {
    console.error(`${error.message.replaceAll("\n", " ")}; the head of this file shows how it is called`);
    process.exitCode = 2;
    return;
  }
  console.error(error instanceof BitLinearError ? `${error.name}: ${error.message}` : error);
  process.exitCode = 1;
});
