/** The networks whose speed is measured, float or ternary. */
import {
  BatchNorm,
  BitConv2d,
  BitLinear,
  Conv2d,
  Flatten,
  Linear,
  MaxPool2d,
  RMSNorm,
  relu,
  Sequential,
} from "../src/nn/index.ts";

/** What the layers of a network are made of. */
export type Weights = "float" | "ternary";

/** 784-256-128-10 with RMS norms, `[batch, 784]` → `[batch, 10]`. */
export function mlp(weights: Weights): Sequential {
  const Layer = weights === "float" ? Linear : BitLinear;
  return new Sequential(
    new Layer(784, 256),
    new RMSNorm(256),
    relu,
    new Layer(256, 128),
    new RMSNorm(128),
    relu,
    new Layer(128, 10),
  );
}

/** Two 3×3 convolutions of 16 and 32 channels with batch norms and pools, `[batch, 28, 28, 1]` → `[batch, 10]`. */
export function cnn(weights: Weights): Sequential {
  const Convolution = weights === "float" ? Conv2d : BitConv2d;
  const Layer = weights === "float" ? Linear : BitLinear;
  const network = new Sequential(
    new Convolution(1, 16, 3, { padding: 1 }),
    new BatchNorm(16),
    relu,
    new MaxPool2d(2),
    new Convolution(16, 32, 3, { padding: 1 }),
    new BatchNorm(32),
    relu,
    new MaxPool2d(2),
    new Flatten(),
    new Layer(32 * 7 * 7, 10),
  );
  network.inputShape = [28, 28, 1];
  return network;
}
