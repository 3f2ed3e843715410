/** Initial values of weights. */
import { checkSeed, deriveSeed, RandomSource } from "../core/random.ts";
import { checkElementCount, elementCount, type Shape } from "../core/shape.ts";
import { Parameter } from "../tensor/index.ts";

const sequence = { seed: 0, drawn: 0 };

/**
 * Restarts the sequence of seeds from which modules without a `seed` of their own take the next one when they are
 * constructed. A program starts with `manualSeed(0)`, so modules constructed in the same order have the same values in
 * every run; those of one program differ from each other. Modules that are given a seed take none from the sequence, and
 * composite ones take a single one, from which they derive those of their parts.
 *
 * @throws ShapeError when `seed` is not a whole number
 */
export function manualSeed(seed: number): void {
  checkSeed(seed);
  sequence.seed = seed;
  sequence.drawn = 0;
}

/** The next seed of the sequence that `manualSeed` restarts. */
export function nextSeed(): number {
  return deriveSeed(sequence.seed, sequence.drawn++);
}

/**
 * A weight `[outputs, ...]` and its bias `[outputs]` as PyTorch starts linear and convolution layers: uniform in
 * ±1/sqrt(fan-in), where the fan-in is the number of weights of an output. Without a seed it takes the next one of the
 * sequence.
 *
 * @param leastBound makes the range of the weight wider, where a quantizer asks for it
 * @throws ShapeError beyond `MAX_ELEMENTS` values
 */
export function initialWeights(
  shape: Shape,
  { bias = true, seed = nextSeed() }: { bias?: boolean; seed?: number },
  leastBound = 0,
): { weight: Parameter; bias: Parameter | undefined } {
  const bound = 1 / Math.sqrt(elementCount(shape.slice(1)));
  return {
    weight: uniform(shape, Math.max(bound, leastBound), deriveSeed(seed, "weight")),
    bias: bias ? uniform([shape[0]], bound, deriveSeed(seed, "bias")) : undefined,
  };
}

/** Values between ±bound, from a seed. */
function uniform(shape: Shape, bound: number, seed: number): Parameter {
  checkElementCount("a parameter", shape);
  const random = new RandomSource(seed);
  return new Parameter(
    shape,
    Float32Array.from({ length: elementCount(shape) }, () => random.uniform(-bound, bound)),
  );
}

/** Normally distributed values with mean 0, from a seed. @throws ShapeError beyond `MAX_ELEMENTS` values */
export function normal(shape: Shape, deviation: number, seed: number): Parameter {
  checkElementCount("a parameter", shape);
  const random = new RandomSource(seed);
  return new Parameter(
    shape,
    Float32Array.from({ length: elementCount(shape) }, () => random.normal(0, deviation)),
  );
}

/** One value everywhere. @throws ShapeError beyond `MAX_ELEMENTS` values */
export function filled(shape: Shape, value: number, isTrainable = true): Parameter {
  checkElementCount("a parameter", shape);
  return new Parameter(shape, new Float32Array(elementCount(shape)).fill(value), isTrainable);
}
