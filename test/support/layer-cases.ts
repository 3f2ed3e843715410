/** Ternary layers with inputs, of sizes around the edges of tiles and panels. */
import fc from "fast-check";
import type { ConvolutionGeometry, LayerOptions } from "../../src/backends/index.ts";
import { RandomSource } from "../../src/core/random.ts";
import type { MatrixShape, TernaryMatrix } from "../../src/core/ternary-matrix.ts";

/** A linear layer and its input. */
export interface LinearCase {
  readonly planes: readonly TernaryMatrix[];
  readonly options: Omit<LayerOptions, "activation">;
  /** `[m, inFeatures]` */
  readonly x: Float32Array;
  readonly m: number;
}

/** A convolution and its input. */
export interface ConvolutionCase extends Omit<LinearCase, "m"> {
  readonly geometry: ConvolutionGeometry;
  /** images, height, width */
  readonly size: readonly [number, number, number];
}

const optionsOfLayer = fc.record({
  seed: fc.integer(),
  planeCount: fc.constantFrom(1, 1, 2, 3),
  isPerRow: fc.boolean(),
  hasBias: fc.boolean(),
  outputFunction: fc.constantFrom(undefined, undefined, "relu" as const, "squaredRelu" as const),
});

export const linearCase: fc.Arbitrary<LinearCase> = fc
  .tuple(
    optionsOfLayer,
    fc.constantFrom(1, 2, 15, 16, 17, 63, 64, 65, 79, 80, 81, 130, 321, 1030),
    fc.constantFrom(1, 3, 4, 15, 16, 17, 31, 64, 65, 127, 128, 257),
    fc.constantFrom(1, 1, 2, 3, 5, 6, 7, 12, 13, 25),
  )
  .map(([options, outFeatures, inFeatures, m]) => {
    const random = new RandomSource(options.seed);
    return { ...randomLayer(random, { outFeatures, inFeatures }, options), x: randomRows(random, m, inFeatures), m };
  });

export const convolutionCase: fc.Arbitrary<ConvolutionCase> = fc
  .tuple(
    optionsOfLayer,
    fc.constantFrom(1, 2, 10, 16, 17, 32, 33, 48, 64, 65),
    fc.constantFrom(1, 3, 4, 16),
    fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 })),
    fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 3, max: 9 }), fc.integer({ min: 3, max: 9 })),
  )
  .map(([options, outFeatures, inChannels, kernelSize, stride, padding, size]) => {
    const random = new RandomSource(options.seed);
    const inFeatures = inChannels * kernelSize[0] * kernelSize[1];
    const [images, height, width] = size;
    return {
      ...randomLayer(random, { outFeatures, inFeatures }, options),
      geometry: { inChannels, kernelSize, stride, padding },
      x: randomRows(random, images, height * width * inChannels),
      size,
    };
  });

/** Trits of all three values, scales between 0.01 and 2, one for all rows or one for each; a scale may be 0. */
export function randomPlane(
  random: RandomSource,
  { outFeatures, inFeatures }: MatrixShape,
  isPerRow: boolean,
): TernaryMatrix {
  return {
    outFeatures,
    inFeatures,
    trits: Int8Array.from({ length: outFeatures * inFeatures }, () => random.integer(3) - 1),
    scales: Float32Array.from({ length: isPerRow ? outFeatures : 1 }, () =>
      random.integer(20) === 0 ? 0 : random.uniform(0.01, 2),
    ),
  };
}

function randomLayer(
  random: RandomSource,
  shape: MatrixShape,
  {
    planeCount,
    isPerRow,
    hasBias,
    outputFunction,
  }: { planeCount: number; isPerRow: boolean; hasBias: boolean; outputFunction: "relu" | "squaredRelu" | undefined },
): Pick<LinearCase, "planes" | "options"> {
  const bias = Float32Array.from({ length: shape.outFeatures }, () => random.normal());
  return {
    planes: Array.from({ length: planeCount }, () => randomPlane(random, shape, isPerRow)),
    options: { ...(hasBias && { bias }), ...(outputFunction && { outputFunction }) },
  };
}

/** Rows of normal values, ties of the rounding, zeros, tiny, huge and broken values. */
function randomRows(random: RandomSource, count: number, size: number): Float32Array {
  const x = new Float32Array(count * size);
  for (let row = 0; row < count; row++) x.set(randomRow(random, size), row * size);
  return x;
}

function randomRow(random: RandomSource, size: number): Float32Array {
  const deviation = 2 ** (random.integer(40) - 20);
  const normal = Float32Array.from({ length: size }, () => random.normal(0, deviation));
  const at = random.integer(size);
  switch (random.integer(12)) {
    case 0:
      return new Float32Array(size);
    case 1: // the largest magnitude is 127: the inverse scale is 1, and halves are ties
      return Float32Array.from(normal, () => random.integer(253) / 2 - 63).fill(-127, at, at + 1);
    case 2:
      return normal.fill([Number.NaN, Number.POSITIVE_INFINITY, -(2 ** 126)][random.integer(3)], at, at + 1);
    case 3:
      return normal.fill(-0, at, at + 1);
    case 4: // denormals
      return normal.map((value) => value * 2 ** -130);
    default:
      return normal;
  }
}
