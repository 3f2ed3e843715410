/**
 * A ternary transformer learns to write like Shakespeare, character by character, and writes a few lines once packed.
 *
 *     npx tsx examples/character-model.ts --data DIR [--epochs 5] [--length 400] [--prompt "ROMEO:"] [--seed 1]
 *
 * DIR holds tiny Shakespeare (input.txt); BITLINEAR_DATA names it as well. An epoch here is 100 steps of 16 passages.
 */
import { parseArgs } from "node:util";
import { BitLinearError, type DeployedModel, UsageError } from "bitlinear";
import {
  characterDataset,
  loadTinyShakespeare,
  RandomSource,
  resolveDataDirectory,
  type Vocabulary,
} from "bitlinear/datasets";
import {
  adamW,
  cosine,
  crossEntropy,
  Embedding,
  evaluate,
  fit,
  Linear,
  PositionEmbedding,
  RMSNorm,
  Sequential,
  TransformerBlock,
} from "bitlinear/nn";

const CONTEXT = 64;
const FEATURES = 96;
const HEADS = 4;
const BLOCKS = 2;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: "string" },
      epochs: { type: "string", default: "5" },
      length: { type: "string", default: "400" },
      prompt: { type: "string", default: "ROMEO:" },
      seed: { type: "string", default: "1" },
    },
  });
  const [seed, length] = [Number(values.seed), Number(values.length)];
  if (!(Number.isInteger(length) && length >= 1)) {
    throw new UsageError(`--length needs a whole number of at least 1, got "${values.length}"`);
  }
  const text = await loadTinyShakespeare(resolveDataDirectory(values.data));
  const { train, test, vocabulary } = characterDataset(text, { sequenceLength: CONTEXT });
  const classes = vocabulary.characters.length;
  vocabulary.encode(values.prompt); // a character that the model cannot know is better reported now

  // The blocks are ternary; the embedding and the last layer stay float, as usual in small language models.
  const model = new Sequential(
    new Embedding(classes, FEATURES, { deviation: 0.1, seed }),
    new PositionEmbedding(CONTEXT, FEATURES, { seed: seed + 1 }),
    ...Array.from(
      { length: BLOCKS },
      (_, i) => new TransformerBlock(FEATURES, HEADS, { causal: true, seed: seed + 2 + i }),
    ),
    new RMSNorm(FEATURES),
    new Linear(FEATURES, classes, { seed: seed + 2 + BLOCKS }),
  );
  model.inputShape = [null]; // passages of any length up to CONTEXT

  const parameters = model.parameters().reduce((sum, { size }) => sum + size, 0);
  console.log(`Training ${parameters} parameters to guess the next of ${classes} characters ...`);
  await fit(model, train, {
    epochs: Number(values.epochs),
    batchSize: 16,
    stepsPerEpoch: 100,
    optimizer: adamW({ learningRate: 3e-3 }),
    schedule: cosine({ warmupSteps: 100 }),
    clipNorm: 1,
    loss: crossEntropy,
    seed,
  });
  const { loss = Number.NaN, metrics } = await evaluate(model, test, { loss: crossEntropy });
  console.log(`On passages it never saw: loss ${loss.toFixed(3)} (knowing nothing: ${Math.log(classes).toFixed(3)}),`);
  console.log(`${(100 * metrics.accuracy).toFixed(1)} % of the characters guessed right\n`);

  const deployed = await model.deploy();
  console.log(`Packed into ${deployed.byteLength} bytes (${deployed.floatByteLength} in float), it writes:\n`);
  const started = performance.now();
  process.stdout.write(values.prompt);
  for await (const character of write(deployed, vocabulary, values.prompt, length, seed)) {
    process.stdout.write(character);
  }
  const seconds = (performance.now() - started) / 1000;
  console.log(`\n\n${(length / seconds).toFixed(0)} characters a second on "${deployed.backend}"`);
}

/** Characters drawn one after another, each seen by the model before it gives the next. */
async function* write(
  model: DeployedModel,
  vocabulary: Vocabulary,
  prompt: string,
  length: number,
  seed: number,
): AsyncGenerator<string> {
  const classes = vocabulary.characters.length;
  const random = new RandomSource(seed);
  const written = [...vocabulary.encode(prompt)];
  for (let i = 0; i < length; i++) {
    const context = written.slice(-CONTEXT);
    const logits = await model.run(context, { shape: [1, context.length] });
    const next = draw(logits.subarray((context.length - 1) * classes), 0.8, random);
    written.push(next);
    yield vocabulary.characters[next];
  }
}

/** An index, drawn with probabilities softmax(logits / temperature). */
function draw(logits: Float32Array, temperature: number, random: RandomSource): number {
  const largest = Math.max(...logits);
  const weights = logits.map((logit) => Math.exp((logit - largest) / temperature));
  let left = random.uniform() * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [index, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return index;
  }
  return weights.length - 1;
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
