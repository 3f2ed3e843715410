/** A multilayer perceptron: the network of the demo. */
import { deriveSeed } from "../../core/random.ts";
import { elementCount } from "../../core/shape.ts";
import type { DatasetSplit } from "../../datasets/index.ts";
import { Linear, type Module, RMSNorm, relu, Sequential } from "../../nn/index.ts";
import { classCountOf } from "./classification.ts";

/** Inputs-256-128-classes with RMS norms, `[batch, inputs]` → `[batch, classes]`. @throws ShapeError for data without classes */
export function mlp({ train }: DatasetSplit, seed: number): Module {
  const linear = (inFeatures: number, outFeatures: number, layer: number): Linear =>
    new Linear(inFeatures, outFeatures, { seed: deriveSeed(seed, layer) });
  return new Sequential(
    linear(elementCount(train.inputShape), 256, 0),
    new RMSNorm(256),
    relu,
    linear(256, 128, 1),
    new RMSNorm(128),
    relu,
    linear(128, classCountOf(train), 2),
  );
}
