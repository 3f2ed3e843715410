/** A small convolutional network. */
import { ShapeError } from "../../core/errors.ts";
import { deriveSeed } from "../../core/random.ts";
import { formatShape } from "../../core/shape.ts";
import type { DatasetSplit } from "../../datasets/index.ts";
import { BatchNorm, Conv2d, Flatten, Linear, MaxPool2d, type Module, relu, Sequential } from "../../nn/index.ts";
import { classCountOf } from "./classification.ts";

const CHANNELS = [16, 32] as const;
const HIDDEN = 128;

/**
 * Two rounds of 3x3 convolution, batch norm and 2x2 pool, then two linear layers, `[batch, height, width, channels]` →
 * `[batch, classes]`.
 *
 * @throws ShapeError for data that are no images of at least 4 x 4 pixels with classes
 */
export function cnn({ train }: DatasetSplit, seed: number): Module {
  const [height, width, channels] = train.inputShape;
  if (train.inputShape.length !== 3 || height < 4 || width < 4) {
    const needs = "this network takes images [height, width, channels] of at least 4 x 4 pixels";
    throw new ShapeError(`${needs}; ${train.name} has samples of shape ${formatShape(train.inputShape)}`);
  }
  const features = Math.floor(height / 4) * Math.floor(width / 4) * CHANNELS[1];
  const network = new Sequential(
    new Conv2d(channels, CHANNELS[0], 3, { padding: 1, seed: deriveSeed(seed, 0) }),
    new BatchNorm(CHANNELS[0]),
    relu,
    new MaxPool2d(2),
    new Conv2d(CHANNELS[0], CHANNELS[1], 3, { padding: 1, seed: deriveSeed(seed, 1) }),
    new BatchNorm(CHANNELS[1]),
    relu,
    new MaxPool2d(2),
    new Flatten(),
    new Linear(features, HIDDEN, { seed: deriveSeed(seed, 2) }),
    new BatchNorm(HIDDEN),
    relu,
    new Linear(HIDDEN, classCountOf(train), { seed: deriveSeed(seed, 3) }),
  );
  network.inputShape = [height, width, channels];
  return network;
}
