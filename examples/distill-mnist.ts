/**
 * A float network that reads digits becomes ternary in one epoch: it is converted, which costs it accuracy, and then learns
 * from what the float network says.
 *
 *     npx tsx examples/distill-mnist.ts --data DIR [--epochs 5] [--quantizer twn] [--samples N] [--seed 1]
 *     npx tsx examples/distill-mnist.ts --quick                  a few drawn digits, without any data
 *
 * DIR holds the four MNIST files (plain or gzipped); BITLINEAR_DATA names it as well. `--epochs` is how long the float
 * network learns; `--samples` takes only the first images of the training set.
 */
import { parseArgs } from "node:util";
import { BitLinearError, UsageError } from "bitlinear";
import {
  type DatasetSplit,
  loadMnist,
  resolveDataDirectory,
  sampleCount,
  subset,
  syntheticDigits,
} from "bitlinear/datasets";
import {
  adamW,
  convertToBitLinear,
  cosine,
  distill,
  evaluate,
  type FitOptions,
  fit,
  Linear,
  type Module,
  predict,
  progressBar,
  relu,
  Sequential,
  ternarize,
  warmup,
} from "bitlinear/nn";

const BATCH_SIZE = 32;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: "string" },
      epochs: { type: "string", default: "5" },
      quantizer: { type: "string", default: "twn" },
      quick: { type: "boolean", default: false },
      samples: { type: "string" },
      seed: { type: "string", default: "1" },
    },
  });
  const { quantizer } = values;
  const seed = Number(values.seed);
  const digits = await readDigits(values.quick, values.data, values.samples);
  const steps = Math.floor(sampleCount(digits.train) / BATCH_SIZE);
  const accuracies: [string, number][] = [];
  const note = async (name: string, model: Module): Promise<void> => {
    accuracies.push([name, (await evaluate(model, digits.test)).metrics.accuracy]);
  };

  console.log(`1. A float network learns ${digits.train.name} ...`);
  const teacher = floatNetwork(seed);
  await fit(teacher, digits.train, {
    epochs: values.quick ? 10 : Number(values.epochs),
    batchSize: BATCH_SIZE,
    optimizer: adamW({ learningRate: 1e-3 }),
    schedule: cosine({ warmupSteps: Math.ceil(steps / 10) }),
    seed,
    progress: progressBar("float"),
  });
  await note("float", teacher);

  console.log(`\n2. All its weights become -1, 0 or +1, by the quantizer ${quantizer} and without any training ...`);
  const rule = { quantizer, quantizerOptions: { granularity: "per-channel" } } as const; // a scale for each output
  const converted = (): Module => convertToBitLinear(teacher, { ...rule, inPlace: false }).model;
  const student = converted();
  await note("ternary, converted", student);
  await note("  with two planes", ternarize(teacher, { planes: 2, activation: "int8", inPlace: false }).model);

  console.log("\n3. The ternary network learns for one epoch to say what the float network says ...");
  const oneEpoch: FitOptions = {
    epochs: 1,
    batchSize: BATCH_SIZE,
    optimizer: adamW({ learningRate: 2e-3 }),
    schedule: cosine({ warmupSteps: Math.ceil(steps / 20) }),
    quantizationWarmup: warmup({ warmupSteps: Math.ceil(steps / 4) }), // its weights become ternary bit by bit
    seed,
  };
  await distill(student, teacher, digits.train, {
    ...oneEpoch,
    logits: { temperature: 4 },
    progress: progressBar("distilled"),
  });
  await note("ternary, distilled", student);

  console.log("\n4. For comparison, another one learns from the same images without a teacher ...");
  const alone = converted();
  await fit(alone, digits.train, { ...oneEpoch, progress: progressBar("alone") });
  await note("ternary, fine-tuned alone", alone);

  const [[, float]] = accuracies;
  console.log("\ntest accuracy                        below float");
  for (const [name, accuracy] of accuracies) {
    console.log(`  ${name.padEnd(26)} ${percent(accuracy)}   ${points(float - accuracy)}`);
  }

  using deployed = await student.deploy();
  const [expected, given] = [await predict(student, digits.test.inputs), await deployed.run(digits.test.inputs)];
  const different = given.filter((value, i) => !Object.is(value, expected[i])).length;
  console.log(`
bytes, packed            ${deployed.byteLength} (${deployed.floatByteLength} in float)
outputs that differ      ${different} of ${given.length}, between training and deployment`);
}

async function readDigits(isQuick: boolean, data?: string, samples?: string): Promise<DatasetSplit> {
  const { train, test } = isQuick
    ? syntheticDigits({ train: 1024, test: 500 })
    : await loadMnist(resolveDataDirectory(data));
  const count = Number(samples ?? sampleCount(train));
  if (!(Number.isInteger(count) && count >= BATCH_SIZE && count <= sampleCount(train))) {
    throw new UsageError(
      `--samples needs a whole number from ${BATCH_SIZE} to ${sampleCount(train)}, got "${samples}"`,
    );
  }
  return { train: subset(train, 0, count), test };
}

/** As one is found in many tutorials, without norms: nothing of it was made for ternary weights. */
function floatNetwork(seed: number): Sequential {
  return new Sequential(
    new Linear(784, 256, { seed }),
    relu,
    new Linear(256, 128, { seed: seed + 1 }),
    relu,
    new Linear(128, 10, { seed: seed + 2 }),
  );
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

function points(share: number): string {
  return (share * 100).toFixed(2).padStart(6);
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
