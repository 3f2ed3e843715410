/**
 * Where the zeros are: what each quantizer does to the same trained network, layer by layer.
 *
 *     npx tsx examples/sparsity.ts [--data DIR] [--epochs 2] [--seed 1]     trains on drawn digits, or on MNIST in DIR
 *     npx tsx examples/sparsity.ts --model digits.safetensors              looks at a saved ternary model instead
 *
 * Zeros cost nothing to multiply, and uneven shares of -1, 0 and +1 could be coded in fewer bits than are stored.
 */
import { parseArgs } from "node:util";
import {
  BitLinearError,
  createQuantizer,
  dequantize,
  formatInspection,
  inspectModel,
  loadModel,
  type QuantizerOptions,
  quantizers,
} from "bitlinear";
import { type DatasetSplit, loadMnist, syntheticDigits } from "bitlinear/datasets";
import {
  adamW,
  convertToBitLinear,
  cosine,
  evaluate,
  fit,
  Linear,
  type Module,
  RMSNorm,
  relu,
  Sequential,
} from "bitlinear/nn";

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: "string" },
      model: { type: "string" },
      epochs: { type: "string", default: "2" },
      seed: { type: "string", default: "1" },
    },
  });
  if (values.model !== undefined) {
    console.log(formatInspection(inspectModel(await loadModel(values.model))));
    return;
  }
  const seed = Number(values.seed);
  const digits = values.data === undefined ? syntheticDigits({ seed }) : await loadMnist(values.data);
  const layers = [
    new Linear(784, 256, { seed }),
    new Linear(256, 128, { seed: seed + 1 }),
    new Linear(128, 10, { seed: seed + 2 }),
  ];
  const model = new Sequential(layers[0], new RMSNorm(256), relu, layers[1], new RMSNorm(128), relu, layers[2]);

  console.log(`Training a float network on ${digits.train.name} ...`);
  await fit(model, digits.train, { epochs: Number(values.epochs), optimizer: adamW({ learningRate: 2e-3 }), seed });
  console.log(
    `Its test accuracy is ${percent(await accuracyOf(model, digits))}. Now it becomes ternary, again and again.`,
  );

  console.log("\nThe quantizers, as they are:\n");
  printHeading();
  for (const { id } of quantizers) await printRow(id, layers, model, digits, id);

  console.log("\ntwn with other thresholds: a higher one gives more zeros.\n");
  printHeading();
  for (const deltaFactor of [0.25, 0.5, 0.75, 1, 1.25, 1.5]) {
    await printRow(`threshold ${deltaFactor} · mean|W|`, layers, model, digits, "twn", { deltaFactor });
  }

  console.log("\nOne scale for a whole layer, or one for each output:\n");
  printHeading();
  for (const granularity of ["per-tensor", "per-channel"] as const) {
    await printRow(`twn, ${granularity}`, layers, model, digits, "twn", { granularity });
  }
  console.log(`
zeros       share of weights that are 0, in the three layers and in all, right after the conversion
entropy     bits a weight would take in an ideal code of its -1, 0 and +1
stored      bits a weight takes in the packed model, scales included
error       of the weights: |W - trit · scale| / |W|, over all layers
accuracy    on test images, right after the conversion and after one epoch of fine-tuning
The quantizer "threshold" compares with a fixed 0.7: it wants weights that were trained for it.`);
}

function printHeading(): void {
  console.log(`${"".padEnd(24)}       zeros by layer     all  entropy  stored  error  accuracy  fine-tuned`);
}

async function printRow(
  label: string,
  layers: readonly Linear[],
  float: Module,
  digits: DatasetSplit,
  quantizer: string,
  quantizerOptions: QuantizerOptions = {},
): Promise<void> {
  const { model } = convertToBitLinear(float, { quantizer, quantizerOptions, inPlace: false });
  const { nodes, total } = inspectModel(await model.deploy());
  const zeros = nodes.flatMap(({ sparsity }) => (sparsity === undefined ? [] : [percent(sparsity)]));
  const shares = Object.values(total.trits ?? {}).filter((share) => share > 0);
  const entropy = shares.reduce((sum, share) => sum - share * Math.log2(share), 0);
  const converted = await accuracyOf(model, digits);
  await fit(model, digits.train, {
    epochs: 1,
    optimizer: adamW({ learningRate: 1e-3 }),
    schedule: cosine(),
    progress: false,
  });
  const cells = [
    ...[...zeros, percent(total.sparsity ?? 0)].map((text) => text.padStart(8)),
    entropy.toFixed(2).padStart(9),
    (total.bitsPerWeight ?? 0).toFixed(2).padStart(8),
    errorOf(layers, quantizer, quantizerOptions).toFixed(2).padStart(7),
    percent(converted).padStart(10),
    percent(await accuracyOf(model, digits)).padStart(12),
  ];
  console.log(label.padEnd(24) + cells.join(""));
}

function errorOf(layers: readonly Linear[], quantizer: string, options: QuantizerOptions): number {
  let [difference, size] = [0, 0];
  for (const { weight, outFeatures, inFeatures } of layers) {
    const rounded = dequantize(createQuantizer(quantizer, options).quantize(weight.value, { outFeatures, inFeatures }));
    for (const [i, value] of weight.value.entries()) {
      difference += (value - rounded[i]) ** 2;
      size += value ** 2;
    }
  }
  return Math.sqrt(difference / size);
}

async function accuracyOf(model: Module, digits: DatasetSplit): Promise<number> {
  return (await evaluate(model, digits.test)).metrics.accuracy;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
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
