/** Initial values of weights. */
import { RandomSource } from "../core/random.ts";
import { elementCount, type Shape } from "../core/shape.ts";
import { Parameter } from "../tensor/index.ts";

/** PyTorch's default for linear and convolution layers: uniform in ±1/sqrt(fan-in), from a seed. */
export function uniformFanIn(shape: Shape, fanIn: number, seed: number): Parameter {
  const random = new RandomSource(seed);
  const bound = 1 / Math.sqrt(fanIn);
  return new Parameter(
    shape,
    Float32Array.from({ length: elementCount(shape) }, () => random.uniform(-bound, bound)),
  );
}

/** Normally distributed values with mean 0, from a seed. */
export function normal(shape: Shape, deviation: number, seed: number): Parameter {
  const random = new RandomSource(seed);
  return new Parameter(
    shape,
    Float32Array.from({ length: elementCount(shape) }, () => random.normal(0, deviation)),
  );
}

/** One value everywhere. */
export function filled(shape: Shape, value: number, isTrainable = true): Parameter {
  return new Parameter(shape, new Float32Array(elementCount(shape)).fill(value), isTrainable);
}
