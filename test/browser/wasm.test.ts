/**
 * The WebAssembly backend in a browser: once in a page that is isolated from other origins, with threads, and once in one
 * that is not.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { openBackend } from "../../src/backends/index.ts";
import { openEngine } from "../../src/backends/wasm/engine.ts";
import { RandomSource } from "../../src/core/random.ts";
import { convolutionCase, linearCase, randomPlane } from "../support/layer-cases.ts";

const wasm = await openBackend("wasm", { threads: 2 });
const reference = await openBackend("reference");

test("it is the best backend of a browser", async () => {
  expect((await openBackend()).id).toBe("wasm");
  expect(wasm.kernels).toEqual(["relaxedsimd", "simd128", "scalar"]);
});

test("it has threads where the page is isolated from other origins, and one elsewhere", () => {
  expect(wasm.threads).toBe(globalThis.crossOriginIsolated ? 2 : 1);
});

test.each(["int8", "sign"])("layers of %s codes equal the reference in all bits", async (activation) => {
  await fc.assert(
    fc.asyncProperty(linearCase, async ({ planes, options, x, m }) => {
      using expected = reference.linear(planes, { ...options, activation });
      for (const kernel of wasm.kernels) {
        using linear = wasm.linear(planes, { ...options, activation, kernel });
        expect(await linear.run(x, m)).toEqual(await expected.run(x, m));
      }
    }),
    { numRuns: 40 },
  );
});

test("convolutions equal the reference in all bits", async () => {
  await fc.assert(
    fc.asyncProperty(convolutionCase, async ({ planes, options, geometry, x, size }) => {
      using expected = reference.convolution(planes, geometry, { ...options, activation: "int8" });
      for (const kernel of wasm.kernels) {
        using convolution = wasm.convolution(planes, geometry, { ...options, activation: "int8", kernel });
        expect(await convolution.run(x, ...size)).toEqual(await expected.run(x, ...size));
      }
    }),
    { numRuns: 20 },
  );
});

test("float codes that are integers give exact sums", async () => {
  const random = new RandomSource(1);
  const plane = randomPlane(random, { outFeatures: 70, inFeatures: 333 }, true);
  const x = Float32Array.from({ length: 3 * 333 }, () => random.integer(255) - 127);
  using expected = reference.linear([plane], { activation: "none" });
  for (const kernel of wasm.kernels) {
    using linear = wasm.linear([plane], { activation: "none", kernel });
    expect(await linear.run(x, 3)).toEqual(await expected.run(x, 3));
  }
});

test("long work leaves the page free, and has the help of a worker where there may be one", async () => {
  const random = new RandomSource(2);
  const plane = randomPlane(random, { outFeatures: 256, inFeatures: 512 }, true);
  const x = Float32Array.from({ length: 200 * 512 }, () => random.normal());
  using linear = wasm.linear([plane], { activation: "int8", kernel: "scalar" });
  using expected = wasm.linear([plane], { activation: "int8", kernel: "simd128" });
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const [first, second] = [linear.run(x, 200), linear.run(x, 200)];
  expect(first).toBeInstanceOf(Promise);
  const y = await expected.run(x, 200);
  expect(await first).toEqual(y);
  expect(await second).toEqual(y);
  clearInterval(timer);
  expect(ticks).toBeGreaterThan(1);

  // A worker takes its time to start, and one that is just leaving comes back with a later run.
  const { helpers } = await openEngine(2);
  const countDuringRuns = async () => {
    await linear.run(x, 200);
    return helpers?.presentCount ?? 0;
  };
  await expect.poll(countDuringRuns, { timeout: 20_000 }).toBe(wasm.threads - 1);
});
