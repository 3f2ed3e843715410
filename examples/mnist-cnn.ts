/**
 * Handwritten digits with a convolutional network whose layers are all ternary.
 *
 *     npx tsx examples/mnist-cnn.ts --data DIR [--epochs 1] [--quantizer bitnet] [--samples N] [--seed 1] [--out FILE]
 *
 * DIR holds the four MNIST files (plain or gzipped); BITLINEAR_DATA names it as well. Images are shifted by a pixel at
 * random, anew in each epoch, so that the network learns the digits and not their places.
 * `--samples` takes only the first images of the training set; `--out` saves the packed network.
 */
import { parseArgs } from "node:util";
import { BitLinearError, saveModel, UsageError } from "bitlinear";
import { type Dataset, loadMnist, RandomSource, resolveDataDirectory, sampleCount, subset } from "bitlinear/datasets";
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
  MaxPool2d,
  predict,
  relu,
  type Sample,
  Sequential,
} from "bitlinear/nn";

const SIZE = 28;
const BATCH_SIZE = 64;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: "string" },
      epochs: { type: "string", default: "1" },
      quantizer: { type: "string", default: "bitnet" },
      seed: { type: "string", default: "1" },
      samples: { type: "string" },
      out: { type: "string" },
    },
  });
  const seed = Number(values.seed);
  const { train: all, test } = await loadMnist(resolveDataDirectory(values.data));
  const samples = Number(values.samples ?? sampleCount(all));
  if (!(Number.isInteger(samples) && samples >= 1 && samples <= sampleCount(all))) {
    throw new UsageError(`--samples needs a whole number from 1 to ${sampleCount(all)}, got "${values.samples}"`);
  }
  const train = subset(all, 0, samples);

  const ternary = { quantizer: values.quantizer };
  const model = new Sequential(
    new BitConv2d(1, 16, 3, { padding: 1, seed, ...ternary }),
    new BatchNorm(16),
    relu,
    new MaxPool2d(2),
    new BitConv2d(16, 32, 3, { padding: 1, seed: seed + 1, ...ternary }),
    new BatchNorm(32),
    relu,
    new MaxPool2d(2),
    new Flatten(),
    new BitLinear(32 * 7 * 7, 10, { seed: seed + 2, ...ternary }),
  );
  model.inputShape = [SIZE, SIZE, 1];
  console.log(`${model.summary()}\n`);

  console.log(`Training on ${sampleCount(train)} images, measured on ${sampleCount(test)} others after each epoch ...`);
  const { epochs } = await fit(model, (epoch) => shifted(train, new RandomSource(1000 * seed + epoch)), {
    epochs: Number(values.epochs),
    batchSize: BATCH_SIZE,
    stepsPerEpoch: Math.floor(sampleCount(train) / BATCH_SIZE),
    optimizer: adamW({ learningRate: 5e-3 }),
    schedule: cosine({ warmupSteps: 200 }),
    loss: crossEntropy,
    metrics: [accuracy],
    validation: test,
  });
  const testAccuracy = epochs.at(-1)?.validationMetrics?.accuracy ?? 0;

  console.log("Packing the network; the first 200 test images tell whether it still computes the same bits ...");
  const deployed = await model.deploy();
  const { inputs } = subset(test, 0, 200);
  const [logits, trained] = [await deployed.run(inputs), await predict(model, inputs)];
  const different = logits.filter((value, i) => !Object.is(value, trained[i])).length;
  console.log(`
test accuracy          ${(testAccuracy * 100).toFixed(2)} %
bytes, packed          ${deployed.byteLength} (${deployed.floatByteLength} in float)
outputs that differ    ${different} of ${logits.length}`);
  if (values.out === undefined) return;
  await saveModel(deployed, values.out);
  console.log(`saved to               ${values.out}`);
}

/** The images in random order, each moved by up to a pixel in both directions. */
function* shifted({ inputs, targets }: Dataset, random: RandomSource): Generator<Sample> {
  for (const i of random.shuffle(Array.from(targets, (_, i) => i))) {
    const image = inputs.subarray(i * SIZE * SIZE, (i + 1) * SIZE * SIZE);
    const [down, right] = [random.integer(3) - 1, random.integer(3) - 1];
    const moved = new Float32Array(image.length);
    for (let y = Math.max(0, down); y < SIZE + Math.min(0, down); y++) {
      const start = (y - down) * SIZE;
      const row = image.subarray(start + Math.max(0, -right), start + SIZE - Math.max(0, right));
      moved.set(row, y * SIZE + Math.max(0, right));
    }
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
