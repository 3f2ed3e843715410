/**
 * What training computed is what deployment computes: equality in all 32 bits for every quantizer, integer activation rule
 * and layer type, and whole models of exact operations. Inputs cover ties of the rounding, zeros, denormals, magnitudes near
 * the limit, and tokens that must become NaN.
 */
import { describe, expect, test } from "vitest";
import { activationRules } from "../src/activation-rules/index.ts";
import { deriveSeed, RandomSource } from "../src/core/random.ts";
import { elementCount, type Shape } from "../src/core/shape.ts";
import { createQuantizer, type QuantizerScheme, quantizers } from "../src/index.ts";
import {
  AvgPool2d,
  BatchNorm,
  BitConv2d,
  BitLinear,
  Dropout,
  Embedding,
  Flatten,
  GlobalAveragePool2d,
  LayerNorm,
  MaxPool2d,
  type Module,
  MultiTernaryLinear,
  PositionEmbedding,
  Residual,
  RMSNorm,
  relu,
  Sequential,
  squaredRelu,
  type TernaryOptions,
} from "../src/nn/index.ts";
import { expectExact, forwardPass } from "./support/forward-pass.ts";

const rules = activationRules.filter(({ isInteger }) => isInteger);
const schemes = quantizers.flatMap((scheme) => rules.map(({ id: activation }) => ({ scheme, activation })));

/** Makes one token of a kind. */
type TokenKind = (random: RandomSource, size: number) => Float32Array;

const fill = (size: number, value: () => number): Float32Array => Float32Array.from({ length: size }, value);
const withOne = (values: Float32Array, random: RandomSource, value: number): Float32Array =>
  values.with(random.integer(values.length), value) as Float32Array;
const normal: TokenKind = (random, size) => fill(size, () => random.normal());
/** Largest magnitude 127, so that the inverse scale is 1 and halves are ties. */
const ties: TokenKind = (random, size) =>
  withOne(
    fill(size, () => random.integer(253) / 2 - 63),
    random,
    -127,
  );

const finiteKinds: readonly TokenKind[] = [
  normal,
  ties,
  (random, size) => fill(size, () => random.normal(0, 1e30)),
  (_, size) => new Float32Array(size),
  (random, size) => fill(size, () => random.normal(0, 1e-41)),
  (random, size) => withOne(normal(random, size), random, 2 ** 125.9),
];
const brokenKinds: readonly TokenKind[] = [Number.NaN, Number.POSITIVE_INFINITY, -(2 ** 126)].map(
  (value): TokenKind =>
    (random, size) =>
      withOne(normal(random, size), random, value),
);

/** A batch whose tokens go through kinds in turn, from `first` on. */
function tokens(shape: Shape, kinds: readonly TokenKind[], first: number, random: RandomSource): Float32Array {
  const [count, ...rest] = shape;
  const size = elementCount(rest);
  const all = new Float32Array(count * size);
  for (let i = 0; i < count; i++) all.set(kinds[(first + i) % kinds.length](random, size), i * size);
  return all;
}

/** Compares a layer on all kinds of tokens, then with other weights, then with weights of zero. */
async function compare(layer: Module, shape: Shape, label: string): Promise<void> {
  const random = new RandomSource(deriveSeed(7, label));
  const run = forwardPass(layer, shape);
  const perToken = async (kinds: readonly TokenKind[], note: string): Promise<void> => {
    for (let first = 0; first < kinds.length; first += shape[0]) {
      expectExact(await run(tokens(shape, kinds, first, random)), `${label} ${JSON.stringify(shape)}, ${note}`);
    }
  };
  await perToken([...finiteKinds, ...brokenKinds], "first weights");
  for (const [, parameter] of layer.namedParameters()) {
    parameter.value = parameter.value.map((value) => value + random.normal(0, 0.05));
  }
  await perToken([normal], "weights after a step");
  for (const [name, parameter] of layer.namedParameters()) {
    if (name === "weight") parameter.value = new Float32Array(parameter.size);
  }
  await perToken([normal], "weights of zero");
}

describe.each(schemes)("$scheme.id with $activation", ({ scheme, activation }) => {
  const id = `${scheme.id} ${activation}`;
  const options = (granularity = scheme.defaults.granularity): TernaryOptions => ({
    quantizer: scheme.id,
    quantizerOptions: { granularity },
    activation,
  });
  const otherGranularity = scheme.granularities.find((granularity) => granularity !== scheme.defaults.granularity);

  test("BitLinear", async () => {
    await compare(new BitLinear(301, 7, { ...options(), seed: 1 }), [1, 301], id);
    await compare(new BitLinear(17, 9, { ...options(otherGranularity), bias: false, seed: 2 }), [5, 17], id);
    await compare(new BitLinear(1, 3, { ...options(), seed: 3 }), [3, 1], id);
  });

  test("BitConv2d", async () => {
    const first = { ...options(), stride: [2, 1], padding: [1, 0], seed: 1 } as const;
    await compare(new BitConv2d(3, 5, [3, 2], first), [3, 7, 5, 3], id);
    await compare(new BitConv2d(1, 3, 3, { ...options(otherGranularity), padding: 2, seed: 2 }), [1, 5, 9, 1], id);
  });
});

test.each(schemes.filter(({ scheme }) => !learnsItsScale(scheme)))(
  "MultiTernaryLinear, $scheme.id with $activation",
  async ({ scheme, activation }) => {
    for (const planes of [1, 2, 3]) {
      const layer = new MultiTernaryLinear(33, 5, { quantizer: scheme.id, activation, planes, seed: planes });
      await compare(layer, [3, 33], `${scheme.id} ${activation} ${planes} planes`);
    }
  },
);

test("MultiTernaryLinear with scales fitted together", async () => {
  for (const planes of [1, 2, 3]) {
    const layer = new MultiTernaryLinear(33, 5, { fit: "joint", planes, seed: planes });
    await compare(layer, [3, 33], `joint ${planes}`);
  }
});

test.each(activationRules)(
  "$id: a token that is not allowed gives NaN in its whole row, and no other does",
  async ({ id: activation }) => {
    const random = new RandomSource(11);
    const kinds = [normal, ...brokenKinds, normal];
    const layers: [Module, Shape][] = [
      [new BitLinear(13, 4, { activation }), [5, 13]],
      [new MultiTernaryLinear(13, 4, { activation }), [5, 13]],
      [new BitConv2d(2, 3, 3, { activation, padding: 2 }), [5, 3, 4, 2]],
    ];
    for (const [layer, shape] of layers) {
      const outputs = await forwardPass(layer, shape)(tokens(shape, kinds, 0, random));
      for (const output of Object.values(outputs)) {
        const rowLength = output.length / kinds.length;
        const rows = kinds.map((_, i) => output.subarray(i * rowLength, (i + 1) * rowLength));
        expect(rows.map((row) => row.every(Number.isNaN))).toEqual(kinds.map((kind) => kind !== normal));
        expect(rows.map((row) => row.some(Number.isNaN))).toEqual(kinds.map((kind) => kind !== normal));
      }
    }
  },
);

/** Models of exact operations, with the shape of a batch. */
const models: readonly { title: string; shape: Shape; ids?: number; create: () => Module }[] = [
  {
    title: "perceptron with norms and residual sums",
    shape: [5, 19],
    create: () =>
      new Sequential(
        new BitLinear(19, 24, { seed: 1 }),
        new RMSNorm(24),
        relu,
        new Residual(
          new Sequential(new LayerNorm(24), new MultiTernaryLinear(24, 24, { seed: 2 }), squaredRelu, new Dropout(0.5)),
        ),
        new BatchNorm(24),
        new BitLinear(24, 5, { quantizer: "twn", seed: 3 }),
      ),
  },
  {
    title: "convolutions with pools and residual sums",
    shape: [3, 13, 11, 2],
    create: () =>
      new Sequential(
        new BitConv2d(2, 8, 3, { padding: 1, seed: 1 }),
        new BatchNorm(8),
        relu,
        new MaxPool2d(2),
        new Residual(
          new Sequential(new BitConv2d(8, 8, 3, { padding: 1, quantizer: "lsq", seed: 2 }), new RMSNorm(8), relu),
        ),
        new AvgPool2d(2, { stride: 1 }),
        new Flatten(),
        new BitLinear(160, 6, { seed: 3 }),
      ),
  },
  {
    title: "strided convolution with a mean over the image",
    shape: [2, 9, 12, 1],
    create: () =>
      new Sequential(
        new BitConv2d(1, 5, [5, 3], { stride: [2, 3], padding: [2, 1], activation: "sign", seed: 1 }),
        new MaxPool2d(3, { stride: 1 }),
        new BitConv2d(5, 7, 2, { bias: false, seed: 2 }),
        new GlobalAveragePool2d(),
        new LayerNorm(7),
        new BitLinear(7, 3, { seed: 3 }),
      ),
  },
  {
    title: "sequence of tokens",
    shape: [3, 6],
    ids: 11,
    create: () =>
      new Sequential(
        new Embedding(11, 20, { seed: 1 }),
        new PositionEmbedding(8, 20, { seed: 2 }),
        new Residual(new Sequential(new RMSNorm(20), new BitLinear(20, 20, { seed: 3 }), squaredRelu)),
        new BitLinear(20, 11, { seed: 4 }),
      ),
  },
];

test.each(models)("$title: equal in all bits", async ({ shape, ids, create }) => {
  const model = create();
  const random = new RandomSource(5);
  // Norms and running statistics away from their initial ones and zeros; variances stay positive.
  for (const [, parameter] of model.namedParameters()) {
    parameter.value = parameter.value.map((value) => value * random.uniform(0.5, 1.5) + random.uniform(0, 0.1));
  }
  const run = forwardPass(model, shape);
  for (let round = 0; round < 5; round++) {
    const value = ids === undefined ? () => random.normal() : () => random.integer(ids);
    expectExact(await run(fill(elementCount(shape), value)), `round ${round}`);
  }
});

/** Pools meet what layers before them may give: values that are no numbers, both infinities, both zeros. */
test("pools are exact for every kind of value", async () => {
  const kinds = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 1, -1, 2 ** -140, 3e38];
  const random = new RandomSource(3);
  const shape = [4, 7, 5, 3];
  const pools = [
    new MaxPool2d(2),
    new MaxPool2d([3, 1]),
    new MaxPool2d(2, { stride: 1 }),
    new AvgPool2d(2),
    new AvgPool2d([1, 3], { stride: 2 }),
    new GlobalAveragePool2d(),
  ];
  for (const pool of pools) {
    const run = forwardPass(pool, shape);
    expectExact(await run(normal(random, elementCount(shape))), `${pool.constructor.name} ${pool.describe()}`);
    for (let usual = 0; usual < kinds.length; usual++) {
      // Mostly one kind, so that a window may hold nothing else.
      const value = () => kinds[random.integer(4) > 0 ? usual : random.integer(kinds.length)];
      expectExact(await run(fill(elementCount(shape), value)), `${pool.constructor.name} ${pool.describe()}`);
    }
  }
});

function learnsItsScale(scheme: QuantizerScheme): boolean {
  return createQuantizer(scheme.id).initialScale !== undefined;
}
