import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { expectSameBits } from "../../test/support/forward-pass.ts";
import { expectClose, expectGradients } from "../../test/support/gradients.ts";
import { points, valuesOf } from "../../test/support/small-trainings.ts";
import { ShapeError, UnsupportedError } from "../core/errors.ts";
import { RandomSource } from "../core/random.ts";
import { parseSafetensors } from "../files/index.ts";
import { decompose, sumPlanes } from "../quantizers/multi-ternary.ts";
import { relu } from "./activations.ts";
import { addLora, mergeLora } from "./lora.ts";
import { BatchNorm } from "./modules/batch-norm.ts";
import { BitLinear } from "./modules/bit-linear.ts";
import { Linear } from "./modules/linear.ts";
import { LoraLinear } from "./modules/lora-linear.ts";
import { MultiTernaryLinear } from "./modules/multi-ternary-linear.ts";
import { Residual, Sequential } from "./modules/sequential.ts";
import { TernaryLinear } from "./modules/ternary-linear.ts";
import { adamW } from "./optimizers/index.ts";
import { predict } from "./training/evaluate.ts";
import { fit } from "./training/fit.ts";

const random = new RandomSource(8);
const normals = (size: number): Float32Array => Float32Array.from({ length: size }, () => random.normal());

const network = (): Sequential =>
  new Sequential(
    new BitLinear(2, 16, { seed: 1 }),
    new BatchNorm(16),
    relu,
    new Residual(new MultiTernaryLinear(16, 16, { seed: 2, planes: 2 })),
    new Linear(16, 2, { seed: 3 }),
  );

function planesOf(layer: LoraLinear): Float32Array {
  return sumPlanes(layer.base.planes);
}

test("gradients of A, B and the input are those of base(x) + alpha / rank · x · Aᵀ · Bᵀ", async () => {
  const planes = decompose(normals(5 * 7), { outFeatures: 5, inFeatures: 7 }, { planes: 1 });
  const layer = new LoraLinear(new TernaryLinear(planes, { bias: normals(5) }), { rank: 2, alpha: 3, seed: 1 });
  layer.loraB.value = normals(10);
  const base = planesOf(layer);
  const bias = [...(layer.base.bias?.value ?? [])];
  await expectGradients(
    layer,
    [4, 7],
    (x, parameters) => {
      const [a, b] = [parameters.loraA, parameters.loraB];
      return Array.from({ length: 20 }, (_, i) => {
        const [token, n] = [Math.floor(i / 5), i % 5];
        let y = bias[n];
        for (let k = 0; k < 7; k++) {
          const update = b[2 * n] * a[k] + b[2 * n + 1] * a[7 + k];
          y += x[7 * token + k] * (base[7 * n + k] + 1.5 * update);
        }
        return y;
      });
    },
    100,
  );
});

describe("addLora", () => {
  test("changes nothing of what the model computes, and leaves the updates alone to be trained", async () => {
    const model = network().eval();
    const inputs = normals(40);
    const before = await predict(model, inputs);
    const { model: adapted, adapted: paths, trainableCount } = await addLora(model, { rank: 2, seed: 5 });
    expect(adapted).toBe(model);
    expect(paths).toEqual(["0", "3.layer"]);
    expect(trainableCount).toBe(2 * (2 + 16) + 2 * (16 + 16));
    // The update is 0 · A · x = 0, so the bits stay.
    expectSameBits(await predict(model, inputs), before, "with updates of zero");
    const trainable = model.namedParameters().filter(([, { isTrainable }]) => isTrainable);
    expect(trainable.map(([name]) => name)).toEqual(["0.loraA", "0.loraB", "3.layer.loraA", "3.layer.loraB"]);
    expect(Object.keys(model.stateDict())).toEqual(
      expect.arrayContaining([
        "0.base.trits.0",
        "0.base.scales.0",
        "0.base.bias",
        "3.layer.base.trits.1",
        "1.runningMean",
      ]),
    );
  });

  test("A is normal with deviation 1/sqrt(inFeatures), other for each layer, and B zero", async () => {
    const model = new Sequential(new BitLinear(900, 50, { seed: 1 }), new BitLinear(50, 50, { seed: 2 }));
    await addLora(model, { rank: 50, seed: 1 });
    const [first, second] = model.layers as LoraLinear[];
    const square = first.loraA.value.reduce((sum, value) => sum + value * value, 0) / first.loraA.size;
    expect(Math.sqrt(square) * 30).toBeCloseTo(1, 1); // 45,000 draws: the deviation is known to a third of a percent
    expect(first.loraB.value.every((value) => value === 0)).toBe(true);
    expect(first.loraA.value.slice(0, 50)).not.toEqual(second.loraA.value.slice(0, 50));
  });

  test("chooses layers, works on a copy, and refuses what it cannot do", async () => {
    const model = network();
    const { model: copy, adapted } = await addLora(model, { rank: 2, include: ["3"], inPlace: false });
    expect(adapted).toEqual(["3.layer"]);
    expect(model.layers[0]).toBeInstanceOf(BitLinear);
    expect((copy as Sequential).layers[0]).toBeInstanceOf(BitLinear); // frozen all the same
    expect(copy.parameters().length).toBe(2);
    expect(model.parameters().length).toBe(8);
    await expect(addLora(network(), { skip: ["7"] })).rejects.toThrow(
      "skip 7 matches no layer; the layers are: 0, 3.layer",
    );
    await expect(addLora(new Sequential(new Linear(2, 2)))).rejects.toThrow(UnsupportedError);
    const shared = new BitLinear(4, 4);
    const twice = new Sequential(shared, new BitLinear(4, 4), shared);
    expect((await addLora(twice, { rank: 1, skip: ["2"], inPlace: false })).adapted).toEqual(["1"]);
    expect((await addLora(twice, { rank: 1, include: ["2"], inPlace: false })).adapted).toEqual(["0", "2"]);
    const untouched = network();
    await expect(addLora(untouched, { rank: 3 })).rejects.toThrow("rank must be at most 2");
    expect(untouched.layers[0]).toBeInstanceOf(BitLinear);
    expect(untouched.parameters().length).toBe(8);
    await expect(addLora(untouched, { rank: 1, alpha: 0 })).rejects.toThrow(ShapeError);
  });
});

describe("after a training", () => {
  const trained = async (): Promise<{ model: Sequential; before: Record<string, number[]> }> => {
    const model = network();
    await addLora(model, { rank: 2, alpha: 4, seed: 5 });
    const before = valuesOf(model);
    await fit(model, points(200), { epochs: 3, progress: false, optimizer: adamW({ learningRate: 0.01 }) });
    return { model, before };
  };

  test("everything but the updates has the bits it had, statistics of frozen norms included", async () => {
    const { model, before } = await trained();
    for (const [name, values] of Object.entries(valuesOf(model))) {
      if (name.includes("lora")) expect(values, name).not.toEqual(before[name]);
      else expect(values, name).toEqual(before[name]);
    }
  });

  test("the optimizer keeps arrays for the updates alone", async () => {
    const folder = await mkdtemp(join(tmpdir(), "lora-"));
    try {
      const path = join(folder, "checkpoint.safetensors");
      const model = network();
      await addLora(model, { rank: 2, include: ["0"] });
      await fit(model, points(64), { epochs: 1, progress: false, checkpoint: { path } });
      const names = [...parseSafetensors(await readFile(path), path).tensors.keys()];
      expect(names.filter((name) => name.startsWith("optimizer."))).toEqual([
        "optimizer.mean.0.loraA",
        "optimizer.mean.0.loraB",
        "optimizer.meanSquare.0.loraA",
        "optimizer.meanSquare.0.loraB",
      ]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("the model deploys with its updates in float", async () => {
    const { model } = await trained();
    const inputs = normals(40);
    using deployed = await model.deploy();
    const [expected, given] = [await predict(model, inputs), await deployed.run(inputs)];
    // The updates are float sums of at most 16 products, which reach int8 codes of the next layer: one code in 127 may tip.
    const largest = Math.max(...expected.map(Math.abs));
    for (const [i, value] of given.entries()) expect(Math.abs(value - expected[i])).toBeLessThan(largest / 127);
    const [layer] = model.layers as [LoraLinear];
    using alone = await layer.deploy();
    expectClose(await alone.run(inputs), [...(await predict(layer, inputs))], 32, "one layer");
  });

  test("merged, it is ternary throughout and exact, and the errors are those of the planes", async () => {
    const { model } = await trained();
    const [first, , , residual] = model.layers as [LoraLinear, unknown, unknown, Residual];
    const second = residual.layer as LoraLinear;
    const wanted = [first, second].map((layer) => ({ update: layer.update(), base: planesOf(layer) }));
    const { model: merged, errors } = mergeLora(model, { inPlace: false });
    expect(Object.keys(errors)).toEqual(["0", "3.layer"]);
    const layers = new Map(merged.namedModules());
    for (const [i, path] of ["0", "3.layer"].entries()) {
      const layer = layers.get(path) as TernaryLinear;
      const { update, base } = wanted[i];
      expect(layer.planes.length).toBe([2, 3][i]);
      const lost = Math.hypot(...sumPlanes(layer.planes).map((value, k) => value - base[k] - update[k]));
      expect(errors[path].ofUpdate).toBeCloseTo(lost / Math.hypot(...update), 4);
      expect(errors[path].ofWeight).toBeCloseTo(lost / Math.hypot(...base.map((value, k) => value + update[k])), 4);
    }
    // The head stays float, so it is left out to compare bits.
    const body = new Sequential(...(merged as Sequential).layers.slice(0, 4)).eval();
    const inputs = normals(40);
    using deployed = await body.deploy();
    expectSameBits(await deployed.run(inputs), await predict(body, inputs), "merged");
    expect(model.layers[0]).toBeInstanceOf(LoraLinear);
  });

  test("more planes lose less of the update, and a layer that learned nothing gets none", async () => {
    const { model } = await trained();
    const lost = [1, 2, 3].map((planes) => mergeLora(model, { planes, inPlace: false }).errors["3.layer"].ofUpdate);
    expect(lost[1]).toBeLessThan(lost[0]);
    expect(lost[2]).toBeLessThan(lost[1]);
    const idle = network();
    await addLora(idle, { rank: 1 });
    const { errors } = mergeLora(idle);
    expect(errors["0"]).toEqual({ ofUpdate: 0, ofWeight: 0 });
    expect((idle.layers[0] as TernaryLinear).planes.length).toBe(1);
    expect(() => mergeLora(idle)).toThrow("no LoraLinear to merge");
  });
});
