/** Prints when the first training step of the ternary MLP is done, from the start of the process and from that of `fit`. */
import { BitLinear, fit, RMSNorm, relu, Sequential } from "bitlinear/nn";

const model = new Sequential(
  new BitLinear(784, 256),
  new RMSNorm(256),
  relu,
  new BitLinear(256, 128),
  new RMSNorm(128),
  relu,
  new BitLinear(128, 10),
);
const images = {
  name: "noise",
  inputs: Float32Array.from({ length: 64 * 784 }, (_, i) => ((i * 7919) % 256) / 255),
  inputShape: [784],
  targets: Int32Array.from({ length: 64 }, (_, i) => i % 10),
  targetShape: [],
};
const started = performance.now();
await fit(model, images, {
  epochs: 1,
  progress: (event) => {
    if (event.kind !== "step") return;
    const now = performance.now(); // since the process started
    console.log(JSON.stringify({ sinceStart: now / 1000, sinceFit: (now - started) / 1000 }));
  },
});
