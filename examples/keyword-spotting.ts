/**
 * Which digit was spoken? Recordings become log-mel features (loudness over time in 32 bands), and a small ternary
 * convolutional network listens to them as to an image.
 *
 *     npx tsx examples/keyword-spotting.ts --data DIR [--epochs 8] [--quantizer bitnet] [--seed 1]
 *
 * DIR holds the Free Spoken Digit Dataset (3,000 recordings of six speakers); BITLINEAR_DATA names it as well. The test
 * split is the official one: the first five takes of each speaker and digit.
 */
import { parseArgs } from "node:util";
import { BitLinearError } from "bitlinear";
import {
  type Dataset,
  loadSpokenDigits,
  RandomSource,
  resolveDataDirectory,
  SPOKEN_DIGIT_FEATURES,
  sampleCount,
} from "bitlinear/datasets";
import {
  accuracy,
  adamW,
  BatchNorm,
  BitConv2d,
  BitLinear,
  cosine,
  crossEntropy,
  Flatten,
  fit,
  indexOfLargest,
  MaxPool2d,
  relu,
  type Sample,
  Sequential,
} from "bitlinear/nn";

const { frames: FRAMES, mels: MELS } = SPOKEN_DIGIT_FEATURES;
const BATCH_SIZE = 32;
const CLASSES = 10;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: "string" },
      epochs: { type: "string", default: "8" },
      quantizer: { type: "string", default: "bitnet" },
      seed: { type: "string", default: "1" },
    },
  });
  const seed = Number(values.seed);
  console.log("Reading the recordings and computing their features ...");
  const { train, test } = await loadSpokenDigits(resolveDataDirectory(values.data));

  const ternary = { quantizer: values.quantizer };
  const model = new Sequential(
    new BitConv2d(1, 16, 3, { stride: 2, padding: 1, seed, ...ternary }),
    new BatchNorm(16),
    relu,
    new BitConv2d(16, 32, 3, { padding: 1, seed: seed + 1, ...ternary }),
    new BatchNorm(32),
    relu,
    new MaxPool2d(2),
    new BitConv2d(32, 32, 3, { padding: 1, seed: seed + 2, ...ternary }),
    new BatchNorm(32),
    relu,
    new MaxPool2d(2),
    new Flatten(),
    new BitLinear((32 * FRAMES * MELS) / 64, CLASSES, { seed: seed + 3, ...ternary }),
  );
  model.inputShape = [FRAMES, MELS, 1];

  console.log(`Training on ${sampleCount(train)} recordings, measured on ${sampleCount(test)} others ...`);
  await fit(model, (epoch) => movedInTime(train, new RandomSource(1000 * seed + epoch)), {
    epochs: Number(values.epochs),
    batchSize: BATCH_SIZE,
    stepsPerEpoch: Math.floor(sampleCount(train) / BATCH_SIZE),
    optimizer: adamW({ learningRate: 5e-3 }),
    schedule: cosine({ warmupSteps: 100 }),
    loss: crossEntropy,
    metrics: [accuracy],
    validation: test,
  });

  console.log("Listening to the test recordings with the packed network ...");
  const deployed = await model.deploy();
  const logits = await deployed.run(test.inputs);
  const heard = Array.from(test.targets, (_, i) => indexOfLargest(logits, i * CLASSES, CLASSES));
  console.log("\ndigit  heard right  mistaken for");
  for (let digit = 0; digit < CLASSES; digit++) {
    const answers = heard.filter((_, i) => test.targets[i] === digit);
    const wrong = answers.filter((answer) => answer !== digit);
    console.log(
      `${digit}      ${String(answers.length - wrong.length).padStart(4)} of ${answers.length}  ${wrong.join(" ")}`,
    );
  }
  const right = heard.filter((answer, i) => answer === test.targets[i]).length;
  console.log(`
test accuracy   ${((100 * right) / heard.length).toFixed(2)} % of ${heard.length} recordings
bytes, packed   ${deployed.byteLength} (${deployed.floatByteLength} in float)`);
}

/** The recordings in random order, each moved by up to 8 frames (0.13 s); the ends come back on the other side. */
function* movedInTime({ inputs, targets }: Dataset, random: RandomSource): Generator<Sample> {
  const size = FRAMES * MELS;
  for (const i of random.shuffle(Array.from(targets, (_, i) => i))) {
    const features = inputs.subarray(i * size, (i + 1) * size);
    const cut = MELS * ((random.integer(17) - 8 + FRAMES) % FRAMES);
    const moved = new Float32Array(size);
    moved.set(features.subarray(cut));
    moved.set(features.subarray(0, cut), size - cut);
    yield { input: moved, target: targets[i] };
  }
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
