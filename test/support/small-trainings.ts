/** Data and models that train in a moment, for tests of `fit`. */
import { RandomSource } from "../../src/core/random.ts";
import type { Dataset } from "../../src/datasets/dataset.ts";
import {
  BatchNorm,
  BitLinear,
  Dropout,
  Linear,
  type Module,
  relu,
  type Sample,
  Sequential,
  tanh,
} from "../../src/nn/index.ts";

/** The four cases of exclusive or. */
export const XOR: Dataset = {
  name: "xor",
  inputs: Float32Array.of(0, 0, 0, 1, 1, 0, 1, 1),
  inputShape: [2],
  targets: Int32Array.of(0, 1, 1, 0),
  targetShape: [],
};

/** Points of the plane, in two classes on the two sides of a line, with a gap. */
export function points(count: number, seed = 1): Dataset {
  const random = new RandomSource(seed);
  const inputs = new Float32Array(2 * count);
  const targets = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const side = random.integer(2);
    const along = random.normal();
    const away = (0.3 + Math.abs(random.normal())) * (side === 0 ? -1 : 1);
    inputs.set([along + away, along - away], 2 * i);
    targets[i] = side;
  }
  return { name: "points", inputs, inputShape: [2], targets, targetShape: [] };
}

/** A dataset of points as samples one by one. */
export function samplesOf({ inputs, targets }: Dataset): Sample[] {
  return Array.from(targets, (target, i) => ({ input: inputs.subarray(2 * i, 2 * i + 2), target }));
}

/** A small float network. */
export function network(seed = 1): Module {
  return new Sequential(new Linear(2, 8, { seed }), tanh, new Linear(8, 2, { seed: seed + 1 }));
}

/** A small network with everything that has a state of its own: learned scales, running statistics, random draws. */
export function statefulNetwork(seed = 1): Module {
  return new Sequential(
    new BitLinear(2, 12, { seed, quantizer: "lsq" }),
    new BatchNorm(12),
    relu,
    new Dropout(0.2),
    new Dropout(0.1),
    new BitLinear(12, 2, { seed: seed + 1, quantizer: "lsq" }),
  );
}

/** All parameters and buffers of a module. */
export function valuesOf(module: Module): Record<string, number[]> {
  return Object.fromEntries(module.namedParameters().map(([name, { value }]) => [name, [...value]]));
}
