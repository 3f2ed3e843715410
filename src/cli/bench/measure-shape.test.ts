import { expect, test } from "vitest";
import { type Backend, openBackend } from "../../backends/index.ts";
import { measureCeiling } from "./ceiling.ts";
import { type MeasurePlan, measureShape, type Outcome } from "./measure-shape.ts";
import { randomProblem } from "./problem.ts";
import { kernelLayer, type TimedLayer } from "./timed-layer.ts";

const plan: MeasurePlan = {
  products: [
    { m: 1, mode: "cold" },
    { m: 1, mode: "warm" },
    { m: 3, mode: "warm" },
  ],
  ...{ samples: 2, sampleMilliseconds: 0.1, slowestMilliseconds: 1000 },
};
const problem = randomProblem([66, 40], 3);
const backend = await openBackend();
const ceiling = measureCeiling([await openBackend("reference")], backend.threads);

async function measure(layers: readonly TimedLayer[], changes: Partial<MeasurePlan> = {}): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for await (const outcome of measureShape(layers, problem, { ...plan, ...changes }, ceiling)) outcomes.push(outcome);
  return outcomes;
}

test("every kernel of the best backend has a record of each product", async () => {
  const layers = backend.kernels.map((kernel) => kernelLayer(backend, kernel, problem.matrix, 100_000));
  for (const { copies, byteLength } of layers) {
    expect(copies * byteLength).toBeGreaterThanOrEqual(100_000);
    expect((copies - 1) * byteLength).toBeLessThan(100_000);
  }
  const outcomes = await measure(layers);
  for (const layer of layers) await layer[Symbol.asyncDispose]();
  const wanted = plan.products.flatMap((product) => backend.kernels.map((kernel) => ({ ...product, kernel })));
  expect(outcomes).toHaveLength(wanted.length);
  for (const [i, outcome] of outcomes.entries()) {
    if (!("record" in outcome)) throw new Error("all are fast enough");
    expect(outcome.record).toMatchObject({ ...wanted[i], backend: backend.id, n: 66, k: 40, sampleCount: 2 });
    expect(outcome.record.microseconds).toBeGreaterThan(0);
    expect(outcome.product.samples).toHaveLength(2);
  }
});

test("layers for warm runs only have no cold records", async () => {
  await using layer = kernelLayer(backend, backend.kernels[0], problem.matrix, 0);
  const modes = (await measure([layer])).map((outcome) => "record" in outcome && outcome.record.mode);
  expect(modes).toEqual(["warm", "warm"]);
});

test("a copy whose outputs are wrong is found before anything is timed", async () => {
  let made = 0;
  const wrong: Backend = {
    ...backend,
    linear: (planes, options) => {
      const isWrong = ++made === 2;
      return backend.linear(isWrong ? [{ ...planes[0], scales: Float32Array.of(3) }] : planes, options);
    },
  };
  await using layer = kernelLayer(wrong, backend.kernels[0], problem.matrix, 10_000);
  await expect(measure([layer])).rejects.toThrow(/an output should be/);
});

test("what takes too long is left out, and larger batches are not even tried", async () => {
  const batches: number[] = [];
  await using layer = kernelLayer(backend, backend.kernels[0], problem.matrix, 0);
  const run = (x: Float32Array, m: number) => {
    batches.push(m);
    const end = performance.now() + 10 * m; // more than eight times the limit for two tokens
    while (performance.now() < end);
    return layer.warm.run(x, m);
  };
  const products = [1, 2, 3].map((m) => ({ m, mode: "warm" as const }));
  const slow = { ...layer, warm: { products: 1, run } };
  const outcomes = await measure([slow], { products, slowestMilliseconds: 1 });
  expect(outcomes.map((outcome) => "tooSlow" in outcome && outcome.tooSlow.m)).toEqual([1, 2, 3]);
  expect(batches).toEqual([1, 1]); // the least of two
});
