/** Runs the traced half of quantizers, compiled, for tests of their values and gradients. */
import { RandomSource } from "../../src/core/random.ts";
import type { MatrixShape } from "../../src/core/ternary-matrix.ts";
import type { Quantizer } from "../../src/quantizers/index.ts";
import { compile, differentiate, tensor } from "../../src/tensor/index.ts";

/** Half the distance of 1 to the next float32: the largest relative error of one rounding. */
export const UNIT_ROUNDOFF: number = 2 ** -24;

/** What the traced rule of a quantizer gave on one matrix. */
export interface TracedRun {
  trits: Float32Array;
  /** `[1]` or `[outFeatures]` */
  scales: Float32Array;
  surrogate: Float32Array;
  /** Of Σ upstream · surrogate, in the weights. */
  weightGradient: Float32Array;
  /** Of the same, in the learned scale; empty where there is none. */
  scaleGradient: Float32Array;
}

/** The traced rule of a quantizer, compiled once for each shape; `upstream` is the gradient in the effective weight. */
export function traceQuantizer(
  quantizer: Quantizer,
): (weights: Float32Array, shape: MatrixShape, upstream?: Float32Array, learnedScale?: Float32Array) => TracedRun {
  const run = compile(([upstream, ...variables]) => {
    const { extra, gradients } = differentiate(([weight, learned]) => {
      const { trits, scales, surrogate } = quantizer.trace(weight, learned);
      return { value: surrogate.mul(upstream).sum(), extra: [trits, scales, surrogate] };
    }, variables);
    return [...extra, ...gradients];
  });
  return (weights, shape, upstream = new Float32Array(weights.length), learnedScale) => {
    const learned = learnedScale ?? quantizer.initialScale?.(weights, shape);
    const size = [shape.outFeatures, shape.inFeatures];
    const inputs = [tensor(upstream, size), tensor(weights, size)];
    if (learned) inputs.push(tensor(learned, [learned.length, 1]));
    const outputs = run(inputs);
    // Adding 0 turns -0 into 0: the numeric contract does not tell them apart, but toEqual does.
    const values = outputs.map((output) => output.dataSync().map((value) => value + 0));
    const [trits, scales, surrogate, weightGradient, scaleGradient] = values;
    for (const used of [...inputs, ...outputs]) used.dispose();
    return { trits, scales, surrogate, weightGradient, scaleGradient: scaleGradient ?? new Float32Array(0) };
  };
}

/** Normally distributed float32 numbers of a seed. */
export function normalValues(count: number, seed: number, deviation = 1): Float32Array {
  const random = new RandomSource(seed);
  return Float32Array.from({ length: count }, () => random.normal(0, deviation));
}

/**
 * Most roundings that a traced sum over what shares a scale makes on one of its terms: it adds in 16 lanes and a tree of
 * four levels, along the row and then, per tensor, along the rows.
 */
export function roundingsOfGroupSum({ outFeatures, inFeatures }: MatrixShape, isPerTensor: boolean): number {
  const rowRoundings = Math.ceil(inFeatures / 16) + 4;
  return isPerTensor ? rowRoundings + Math.ceil(outFeatures / 16) + 4 : rowRoundings;
}
