/** What is special about the native backend: its memory, its threads, its errors. Its results: test/conformance.test.ts. */
import { availableParallelism } from "node:os";
import { afterEach, describe, expect, test, vi } from "vitest";
import { DeviceError, ShapeError, UnsupportedError, UsageError } from "../../core/errors.ts";
import { RandomSource } from "../../core/random.ts";
import type { TernaryMatrix } from "../../core/ternary-matrix.ts";
import type { Backend, BackendOptions, ConvolutionGeometry } from "../backend.ts";
import { openBackend } from "../index.ts";
import { open } from "./index.ts";

afterEach(() => vi.unstubAllEnvs());

const opened = open();
const isPresent = !("unavailable" in opened);
const reference = await openBackend("reference");

test("what is wrong with the number of threads is said with or without a binary", () => {
  for (const threads of [0, -1, 0.5, 1025, 1e12, Number.NaN]) expect(() => open({ threads })).toThrow(UsageError);
  vi.stubEnv("BITLINEAR_THREADS", "many");
  expect(() => open()).toThrow("BITLINEAR_THREADS must be a whole number from 1 to 1024, got many");
});

describe.runIf(isPresent)("the native backend", () => {
  test("has kernels, the one that runs anywhere last, and a thread for each core at most", () => {
    const { kernels, threads } = openNative();
    expect(kernels.at(-1)).toBe("scalar");
    expect(new Set(kernels).size).toBe(kernels.length);
    expect(threads).toBeLessThanOrEqual(availableParallelism());
  });

  test("takes threads from its options, then from the environment", () => {
    vi.stubEnv("BITLINEAR_THREADS", "3");
    expect(openNative().threads).toBe(3);
    expect(openNative({ threads: 5 }).threads).toBe(5);
  });

  test("starts at the kernel that BITLINEAR_ISA names, and refuses one that is none", () => {
    const { kernels } = openNative();
    for (const [i, kernel] of kernels.entries()) {
      vi.stubEnv("BITLINEAR_ISA", kernel);
      const backend = openNative();
      expect(backend.kernels).toEqual(kernels.slice(i));
      expect(backend.linear([randomPlane(1, 1)], { activation: "int8" }).kernel).toBe(kernel);
    }
    vi.stubEnv("BITLINEAR_ISA", "avx3");
    expect(() => open()).toThrow(UsageError);
    expect(() => open()).toThrow(`BITLINEAR_ISA must be one of ${kernels.join(", ")} on this machine, got avx3`);
  });

  test("refuses kernels, activations and shapes that are none", () => {
    const { linear } = openNative();
    const plane = randomPlane(2, 3);
    expect(() => linear([plane], { activation: "int8", kernel: "avx3" })).toThrow(UnsupportedError);
    expect(() => linear([plane], { activation: "int4" as "int8" })).toThrow(UnsupportedError);
    expect(() => linear([plane], { activation: "int8", bias: new Float32Array(3) })).toThrow(ShapeError);
    expect(() => linear([], { activation: "int8" })).toThrow(ShapeError);
  });

  test("holds little more than two bits a weight", () => {
    using layer = openNative().linear([randomPlane(1024, 1024)], { activation: "int8" });
    expect(layer.byteLength).toBeGreaterThanOrEqual((1024 * 1024) / 5);
    expect(layer.byteLength).toBeLessThan((1024 * 1024) / 4 + 8192);
  });

  test("refuses to run what was disposed, and disposes twice", () => {
    const { linear, convolution } = openNative();
    const layer = linear([randomPlane(2, 3)], { activation: "int8" });
    const images = convolution([randomPlane(2, 9)], window(3), { activation: "int8" });
    for (const disposable of [layer, images, layer]) disposable[Symbol.dispose]();
    expect(() => layer.run(new Float32Array(3), 1)).toThrow(UsageError);
    expect(() => images.run(new Float32Array(9), 1, 3, 3)).toThrow(UsageError);
  });

  test("refuses inputs that do not fit, detached ones among them", () => {
    const { linear } = openNative();
    using layer = linear([randomPlane(2, 3)], { activation: "int8" });
    expect(() => layer.run(new Float32Array(4), 1)).toThrow("input must be [1, 3] (3 values), got 4");
    for (const m of [-1, 0.5, Number.NaN, 2 ** 31, 2 ** 53]) {
      expect(() => layer.run(new Float32Array(3), m)).toThrow(ShapeError);
    }
    const detached = new Float32Array(3);
    structuredClone(detached, { transfer: [detached.buffer] });
    expect(() => layer.run(detached, 1)).toThrow("(3 values), got 0");
    const resizable: ArrayBuffer & { resize?(byteLength: number): void } = Reflect.construct(ArrayBuffer, [
      12,
      { maxByteLength: 16 },
    ]);
    const shrunk = new Float32Array(resizable);
    resizable.resize?.(8);
    expect(() => layer.run(shrunk, 1)).toThrow("(3 values), got 2");
    expect(layer.run(new Float32Array(0), 0)).toEqual(new Float32Array(0));
  });

  test("refuses outputs and images that no array can hold, before it makes them", () => {
    const { linear, convolution } = openNative();
    using wide = linear([randomPlane(2 ** 17, 1)], { activation: "sign" });
    expect(() => wide.run(new Float32Array(2 ** 14), 2 ** 14)).toThrow("at most 1073741824 fit in one array");
    using padded = convolution(
      [randomPlane(1, 1)],
      { ...window(1), stride: [2 ** 29, 2 ** 29], padding: [2 ** 28, 2 ** 28] },
      {
        activation: "int8",
      },
    );
    expect(() => padded.run(new Float32Array(1), 1, 1, 1)).toThrow(ShapeError);
  });

  test("refuses strides and padding beyond its integers", () => {
    const { convolution } = openNative();
    const options = { activation: "int8" } as const;
    expect(() => convolution([randomPlane(1, 1)], { ...window(1), stride: [2 ** 40, 1] }, options)).toThrow(ShapeError);
    expect(() => convolution([randomPlane(1, 1)], { ...window(1), padding: [0, 2 ** 32] }, options)).toThrow(
      ShapeError,
    );
  });

  test("does short work at once and long work later", async () => {
    const { linear } = openNative();
    using layer = linear([randomPlane(64, 64)], { activation: "int8" });
    expect(layer.run(new Float32Array(64), 1)).toBeInstanceOf(Float32Array);
    const { slow, x, m } = longWork();
    using _ = slow;
    const y = slow.run(x, m);
    expect(y).toBeInstanceOf(Promise);
    await y;
  });

  test("long work leaves the event loop free", async () => {
    const { slow, x, m } = longWork();
    using _ = slow;
    let ticks = 0;
    const timer = setInterval(() => ticks++, 5);
    await slow.run(x, m);
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(0);
  });

  test("long work needs neither its layer nor its input any more once it has begun", async () => {
    for (const m of [1, 70]) {
      const plane = randomPlane(4096, 2048);
      const x = randomValues(m * 2048);
      using expectedLayer = openNative().linear([plane], { activation: "int8" });
      const layer = openNative({ threads: 1 }).linear([plane], { activation: "int8", kernel: "scalar" });
      const expected = await expectedLayer.run(x, m);
      const y = layer.run(x, m);
      expect(y).toBeInstanceOf(Promise);
      layer[Symbol.dispose]();
      structuredClone(x, { transfer: [x.buffer] });
      expectSameBits(await y, expected);
    }
  });

  test("long work is written to shared memory that is given, and to no memory that may go", async () => {
    const plane = randomPlane(4096, 2048);
    const x = randomValues(2048);
    using layer = openNative({ threads: 1 }).linear([plane], { activation: "int8", kernel: "scalar" });
    const expected = await layer.run(x, 1);
    const shared = new Float32Array(new SharedArrayBuffer(4 * 4096));
    expect(await layer.run(x, 1, shared)).toBe(shared);
    expectSameBits(shared, expected);
    const own = new Float32Array(4096);
    const result = layer.run(x, 1, own);
    expect(result).toBeInstanceOf(Promise);
    structuredClone(own, { transfer: [own.buffer] });
    expectSameBits(await result, expected);
  });

  test("an input that is detached between the steps of a very large batch is an error", async () => {
    using layer = openNative().linear([randomPlane(64, 2048)], { activation: "int8", kernel: "scalar" });
    const m = 6000; // three steps
    const x = new Float32Array(m * 2048);
    const y = layer.run(x, m);
    structuredClone(x, { transfer: [x.buffer] });
    await expect(y).rejects.toThrow(DeviceError);
    await expect(y).rejects.toThrow("the input was detached during the run");
  });

  test("a very large batch, in several steps, gives what its parts give", async () => {
    const m = 5000;
    const x = randomValues(m * 2048);
    using layer = openNative().linear([randomPlane(3, 2048)], { activation: "int8" });
    const y = await layer.run(x, m);
    for (const row of [0, 1, 1666, 1667, 2500, 4998, 4999]) {
      expect(layer.run(x.subarray(row * 2048, (row + 1) * 2048), 1)).toEqual(y.subarray(row * 3, (row + 1) * 3));
    }
  });

  test("a very large batch of images, in several steps, gives what each image gives", async () => {
    const [images, height, width] = [11, 700, 701];
    const x = randomValues(images * height * width);
    using layer = openNative().convolution([randomPlane(2, 9)], window(3), { activation: "int8" });
    const y = await layer.run(x, images, height, width);
    for (let image = 0; image < images; image++) {
      const alone = await layer.run(partOf(x, image, images), 1, height, width);
      expectSameBits(alone, partOf(y, image, images));
    }
  });

  test.each([1, 2, 3, 16, 1024])("gives the same with %d threads", async (threads) => {
    const plane = randomPlane(700, 515);
    const { linear, convolution } = openNative({ threads });
    using layer = linear([plane], { activation: "int8", bias: randomValues(700) });
    using images = convolution([randomPlane(70, 27)], { ...window(3), inChannels: 3 }, { activation: "int8" });
    using expected = reference.linear([plane], { activation: "int8", bias: randomValues(700) });
    using expectedImages = reference.convolution(
      [randomPlane(70, 27)],
      { ...window(3), inChannels: 3 },
      { activation: "int8" },
    );
    for (const m of [1, 2, 33]) {
      const x = randomValues(m * 515);
      const y = await expected.run(x, m);
      for (let repeat = 0; repeat < 20; repeat++) expectSameBits(await layer.run(x, m), y);
    }
    const pixels = randomValues(3 * 40 * 41 * 3);
    expectSameBits(await images.run(pixels, 3, 40, 41), await expectedImages.run(pixels, 3, 40, 41));
  });

  test("many runs of several layers at once give what each gives alone", async () => {
    const { linear, kernels } = openNative({ threads: 4 });
    const layers = [10, 300, 1000].flatMap((outFeatures) =>
      kernels.map((kernel) => linear([randomPlane(outFeatures, 300)], { activation: "int8", kernel })),
    );
    const batches = [1, 7, 64, 900].map((m) => ({ m, x: randomValues(m * 300) }));
    const cases = layers.flatMap((layer) => batches.map((batch) => ({ layer, ...batch })));
    const alone: Float32Array[] = [];
    for (const { layer, m, x } of cases) alone.push(await layer.run(x, m));
    const together = await Promise.all(cases.map(({ layer, m, x }) => layer.run(x, m)));
    for (const [i, y] of together.entries()) expectSameBits(y, alone[i]);
    for (const layer of layers) layer[Symbol.dispose]();
  });
});

function openNative(options: BackendOptions = {}): Backend {
  const backend = open(options);
  if ("unavailable" in backend) throw new Error(backend.unavailable);
  return backend;
}

/** A layer that is slow on every machine, with a batch that takes a good part of a second. */
function longWork() {
  const m = 600;
  const slow = openNative().linear([randomPlane(512, 1024)], { activation: "int8", kernel: "scalar" });
  return { slow, m, x: randomValues(m * 1024) };
}

function window(size: number): ConvolutionGeometry {
  return { inChannels: 1, kernelSize: [size, size], stride: [1, 1], padding: [1, 1] };
}

/** A faster `toEqual`, which tells -0 from +0. */
function expectSameBits(actual: Float32Array, expected: Float32Array): void {
  const bytes = ({ buffer, byteOffset, byteLength }: Float32Array) => Buffer.from(buffer, byteOffset, byteLength);
  expect(actual.length).toBe(expected.length);
  expect(Buffer.compare(bytes(actual), bytes(expected))).toBe(0);
}

function partOf(values: Float32Array, index: number, count: number): Float32Array {
  const length = values.length / count;
  return values.subarray(index * length, (index + 1) * length);
}

/** The same each time. */
function randomPlane(outFeatures: number, inFeatures: number): TernaryMatrix {
  const random = new RandomSource(outFeatures * 1000 + inFeatures);
  const trits = Int8Array.from({ length: outFeatures * inFeatures }, () => random.integer(3) - 1);
  return { outFeatures, inFeatures, trits, scales: Float32Array.of(0.25) };
}

function randomValues(length: number): Float32Array {
  const random = new RandomSource(length);
  return Float32Array.from({ length }, () => random.uniform(-2, 2));
}
