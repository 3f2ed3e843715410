/**
 * XOR with weights of -1, 0 and +1: the smallest network that one linear layer cannot replace.
 *
 *     npx tsx examples/xor.ts [--seed N] [--epochs N]
 *
 * It trains 2 → 8 → 2 on the four cases, shows every weight it found, and packs the network into a few bytes that answer
 * with the same bits as the training did. Takes about a second.
 */
import { parseArgs } from "node:util";
import { BitLinearError } from "bitlinear";
import { adamW, BitLinear, cosine, crossEntropy, fit, indexOfLargest, predict, relu, Sequential } from "bitlinear/nn";

/** The four cases, as -1 (false) and +1 (true), so that no input is zero and lost to the products. */
const CASES = [
  { input: [-1, -1], target: 0 },
  { input: [-1, 1], target: 1 },
  { input: [1, -1], target: 1 },
  { input: [1, 1], target: 0 },
];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { seed: { type: "string", default: "1" }, epochs: { type: "string", default: "300" } },
  });
  const seed = Number(values.seed);
  const hidden = new BitLinear(2, 8, { seed });
  const output = new BitLinear(8, 2, { seed: seed + 1 });
  const model = new Sequential(hidden, relu, output);

  const { epochs } = await fit(model, CASES, {
    epochs: Number(values.epochs),
    batchSize: CASES.length,
    optimizer: adamW({ learningRate: 0.05, weightDecay: 0 }),
    schedule: cosine(),
    loss: crossEntropy,
    seed,
    progress: false,
  });
  for (const { epoch, loss } of epochs) {
    if (epoch === 1 || epoch % 50 === 0) console.log(`epoch ${String(epoch).padStart(3)}  loss ${loss.toFixed(4)}`);
  }

  console.log("\nWeights of the hidden layer, one unit a line (first input, second input):");
  const { trits, scales } = await hidden.ternary();
  for (let unit = 0; unit < 8; unit++) console.log(`  ${signOf(trits[2 * unit])} ${signOf(trits[2 * unit + 1])}`);
  console.log(`times the scale ${scales[0].toFixed(4)}`);

  const inputs = Float32Array.from(CASES.flatMap(({ input }) => input));
  const trained = await predict(model, inputs);
  const deployed = await model.deploy();
  const logits = await deployed.run(inputs);
  console.log(`\nPacked: ${deployed.byteLength} bytes instead of ${deployed.floatByteLength}. It answers:`);
  for (const [i, { input, target }] of CASES.entries()) {
    const answer = indexOfLargest(logits, 2 * i, 2);
    const [first, second] = input.map((value) => value > 0);
    console.log(`  ${first} xor ${second} = ${answer === 1}${answer === target ? "" : "   wrong: try another --seed"}`);
  }
  const isSame = logits.every((value, i) => Object.is(value, trained[i]));
  console.log(`Same bits as in training: ${isSame ? "yes" : "no"}`);
}

function signOf(trit: number): string {
  return ["-1", " 0", "+1"][trit + 1];
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
