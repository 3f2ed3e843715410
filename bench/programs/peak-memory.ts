/**
 * Prints the peak memory of a process that trains the ternary MLP on as many images as MNIST has, which take 188 MB of it.
 * The only argument is the number of steps.
 */
import { syntheticDigits } from "bitlinear/datasets";
import { BitLinear, fit, RMSNorm, relu, Sequential } from "bitlinear/nn";

const COPIES = 30;
const steps = Number(process.argv[2]);
const { train } = syntheticDigits({ train: 2000 });
const inputs = new Float32Array(COPIES * train.inputs.length);
const targets = new Int32Array(COPIES * train.targets.length);
for (let copy = 0; copy < COPIES; copy++) {
  inputs.set(train.inputs, copy * train.inputs.length);
  targets.set(train.targets, copy * train.targets.length);
}
const model = new Sequential(
  new BitLinear(784, 256),
  new RMSNorm(256),
  relu,
  new BitLinear(256, 128),
  new RMSNorm(128),
  relu,
  new BitLinear(128, 10),
);
await fit(model, { ...train, inputs, targets }, { epochs: 1, batchSize: 64, stepsPerEpoch: steps, progress: false });
console.log(JSON.stringify({ megabytes: (process.resourceUsage().maxRSS * 1024) / 1e6 }));
