/** What is special about the WebAssembly backend: its memory, its threads, its turns. Its results: test/conformance.test.ts. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, test, vi } from "vitest";
import { DeviceError, ShapeError, UnsupportedError, UsageError } from "../../core/errors.ts";
import { RandomSource } from "../../core/random.ts";
import type { TernaryMatrix } from "../../core/ternary-matrix.ts";
import type { Backend, ConvolutionGeometry } from "../backend.ts";
import { openBackend } from "../index.ts";
import { openEngine } from "./engine.ts";
import { open } from "./index.ts";
import { prepareLayer } from "./layer-block.ts";

afterEach(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
});

const reference = await openBackend("reference");
const int8 = { activation: "int8" } as const;

describe("opening", () => {
  test("kernels are listed best first, the one that runs anywhere last", async () => {
    const { kernels } = await openWasm();
    expect(["relaxedsimd,simd128,scalar", "simd128,scalar"]).toContain(kernels.join());
    expect(await kernelOf({})).toBe(kernels[0]);
    for (const kernel of kernels) expect(await kernelOf({ kernel })).toBe(kernel);
  });

  test("threads come from the options, then from the environment", async () => {
    vi.stubEnv("BITLINEAR_THREADS", "3");
    expect((await openWasm()).threads).toBe(3);
    expect((await openWasm(2)).threads).toBe(2);
    for (const threads of [0, 1.5, 1025]) await expect(open({ threads })).rejects.toThrow(UsageError);
  });

  test("there is one thread where threads cannot share memory", async () => {
    vi.stubGlobal("SharedArrayBuffer", undefined);
    expect((await openWasm(4)).threads).toBe(1);
  });

  test("threads that the system refuses are not counted, and runs go on without them", async () => {
    const backend = await openWasm(7);
    expect(backend.threads).toBe(7);
    const threads = process.getBuiltinModule("node:worker_threads");
    class PickyWorker extends threads.Worker {
      constructor(...[source, options]: ConstructorParameters<typeof threads.Worker>) {
        if (options?.workerData.thread % 2 === 1) throw new Error("no more threads");
        super(source, options);
      }
    }
    vi.spyOn(process, "getBuiltinModule").mockReturnValue({ Worker: PickyWorker });
    const x = randomValues(100 * 512);
    using layer = backend.linear([randomPlane(256, 512)], { ...int8, kernel: "scalar" });
    const y = await layer.run(x, 100);
    expect(backend.threads).toBe(4);
    vi.restoreAllMocks();
    using alone = (await openWasm(1)).linear([randomPlane(256, 512)], int8);
    for (let i = 0; i < 10; i++) expectSameBits(await layer.run(x, 100), await alone.run(x, 100));
    expectSameBits(y, await alone.run(x, 100));
  });

  test("without WebAssembly the backend says that it is absent", async () => {
    vi.stubGlobal("WebAssembly", undefined);
    expect(await open()).toEqual({ unavailable: expect.stringContaining("no WebAssembly") });
  });
});

describe("layers", () => {
  test("what does not fit is refused", async () => {
    const { linear, convolution } = await openWasm();
    expect(() => linear([randomPlane(2, 3)], { ...int8, kernel: "avx2" })).toThrow(UnsupportedError);
    expect(() => linear([randomPlane(2, 3)], { activation: "int4" })).toThrow(UnsupportedError);
    expect(() => linear([], int8)).toThrow(ShapeError);
    expect(() => convolution([randomPlane(2, 8)], windowOf(3), int8)).toThrow(ShapeError);
    const huge = { ...windowOf(1), stride: [2 ** 40, 1] as const };
    expect(() => convolution([randomPlane(1, 1)], huge, int8)).toThrow(ShapeError);
    using layer = linear([randomPlane(2, 3)], int8);
    expect(() => layer.run(new Float32Array(4), 1)).toThrow("input must be [1, 3] (3 values), got 4");
    expect(layer.run(new Float32Array(0), 0)).toEqual(new Float32Array(0));
  });

  test("a detached input has no values", async () => {
    using layer = (await openWasm()).linear([randomPlane(2, 3)], int8);
    const x = new Float32Array(3);
    structuredClone(x, { transfer: [x.buffer] });
    expect(() => layer.run(x, 1)).toThrow("(3 values), got 0");
  });

  test("a disposed layer runs no more, and may be disposed again", async () => {
    const { linear, convolution } = await openWasm();
    const layer = linear([randomPlane(2, 3)], int8);
    const images = convolution([randomPlane(2, 9)], windowOf(3), int8);
    for (const disposable of [layer, images, layer]) disposable[Symbol.dispose]();
    expect(() => layer.run(new Float32Array(3), 1)).toThrow(UsageError);
    expect(() => images.run(new Float32Array(9), 1, 3, 3)).toThrow(UsageError);
  });

  test("a layer takes little more than two bits a weight, and its memory serves the next one", async () => {
    const { linear } = await openWasm(1);
    const { heap } = await openEngine(1);
    const used = heap.usedByteLength;
    const sizes: number[] = [];
    for (let i = 0; i < 5; i++) {
      using layer = linear([randomPlane(1024, 1024)], int8);
      await layer.run(new Float32Array(1024), 1);
      expect(layer.byteLength).toBeLessThan((1024 * 1024) / 4 + 8192);
      expect(heap.usedByteLength - used).toBeLessThan(layer.byteLength + 20_000);
      sizes.push(heap.memory.buffer.byteLength);
    }
    expect(heap.usedByteLength).toBe(used);
    expect(new Set(sizes).size).toBe(1);
  });

  test("a layer that nobody disposed of gives its memory back when it is collected", async () => {
    const { linear } = await openWasm(1);
    const { heap } = await openEngine(1);
    const used = heap.usedByteLength;
    (() => linear([randomPlane(64, 64)], int8))();
    expect(heap.usedByteLength).toBeGreaterThan(used);
    setFlagsFromString("--expose-gc");
    const collect: () => void = runInNewContext("gc");
    await vi.waitUntil(
      () => {
        collect();
        return heap.usedByteLength === used;
      },
      { timeout: 10_000 },
    );
  });

  test("a layer too large for 32-bit addresses is refused before anything is allocated", async () => {
    const engine = await openEngine(1);
    const used = engine.heap.usedByteLength;
    const plane = { outFeatures: 2 ** 18, inFeatures: 2 ** 16, trits: new Int8Array(0), scales: Float32Array.of(1) };
    expect(() => prepareLayer(engine, [plane], { ...int8, kernel: "scalar" })).toThrow(DeviceError);
    expect(() => prepareLayer(engine, [plane], { ...int8, kernel: "scalar" })).toThrow("use another backend");
    expect(engine.heap.usedByteLength).toBe(used);
  });

  test("an image too large for 32-bit addresses is refused", async () => {
    using layer = (await openWasm()).convolution(
      [randomPlane(1, 1)],
      { ...windowOf(1), padding: [2 ** 14, 2 ** 14] },
      int8,
    );
    expect(() => layer.run(new Float32Array(1), 1, 1, 1)).toThrow(ShapeError);
    using strided = (await openWasm()).convolution(
      [randomPlane(1, 1)],
      { ...windowOf(1), padding: [2 ** 14, 2 ** 14], stride: [2 ** 13, 2 ** 13] },
      int8,
    );
    expect(() => strided.run(new Float32Array(1), 1, 1, 1)).toThrow(DeviceError);
  });
});

describe.each([1, 2, 5])("%d threads", (threads) => {
  test("short work is done at once, long work later, which leaves the event loop free", async () => {
    const { layer, x, m } = await longWork(threads);
    using _ = layer;
    expect(layer.run(x.subarray(0, 512), 1)).toBeInstanceOf(Float32Array);
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const y = layer.run(x, m);
    expect(y).toBeInstanceOf(Promise);
    await y;
    clearInterval(timer);
    expect(turns).toBeGreaterThan(1);
  });

  test("runs of several layers that overlap give what each gives alone", async () => {
    const backend = await openWasm(threads);
    const shapes = [
      [700, 515, 1],
      [700, 515, 300],
      [64, 2000, 400],
      [3, 5, 7],
    ];
    const layers = shapes.map(([outFeatures, inFeatures, m]) => {
      const layer = backend.linear([randomPlane(outFeatures, inFeatures)], int8);
      return { m, layer, x: randomValues(m * inFeatures) };
    });
    const expected: Float32Array[] = [];
    for (const { layer, x, m } of layers) expected.push(await layer.run(x, m));
    for (let round = 0; round < 5; round++) {
      const results = await Promise.all([...layers, ...layers].map(({ layer, x, m }) => layer.run(x, m)));
      results.forEach((y, i) => {
        expectSameBits(y, expected[i % layers.length]);
      });
    }
    for (const { layer } of layers) layer[Symbol.dispose]();
  });

  test("a batch in several parts gives what its rows give", async () => {
    const m = 3000;
    const x = randomValues(m * 2048);
    using layer = (await openWasm(threads)).linear([randomPlane(3, 2048)], int8);
    const y = await layer.run(x, m);
    for (const row of [0, 1, 2044, 2045, 2046, 2999]) {
      const alone = await layer.run(x.subarray(row * 2048, (row + 1) * 2048), 1);
      expectSameBits(alone, y.slice(row * 3, (row + 1) * 3));
    }
  });

  test("a layer that is disposed during its run ends the run, and then gives its memory back", async () => {
    const { heap } = await openEngine(threads);
    const { layer, x, m, plane } = await longWork(threads);
    const used = heap.usedByteLength;
    const y = layer.run(x, m);
    layer[Symbol.dispose]();
    expect(heap.usedByteLength).toBeGreaterThanOrEqual(used);
    expectSameBits(await y, await reference.linear([plane], int8).run(x, m));
    expect(heap.usedByteLength).toBeLessThan(used);
  });

  test("an input that is detached while it waits is an error of its own run alone", async () => {
    const { layer, x, m } = await longWork(threads);
    using _ = layer;
    const first = layer.run(x, m);
    const copy = x.slice();
    const second = layer.run(copy, m);
    const third = layer.run(x, m);
    structuredClone(copy, { transfer: [copy.buffer] });
    await expect(second).rejects.toThrow(DeviceError);
    await expect(second).rejects.toThrow("detached during the run");
    expectSameBits(await third, await first);
  });
});

test("helpers end with the last layer and come back with the next one", async () => {
  const { helpers } = await openEngine(3);
  for (let i = 0; i < 3; i++) {
    {
      const { layer, x, m } = await longWork(3);
      using _ = layer;
      await layer.run(x, m);
      expect(helpers?.presentCount).toBe(2);
    }
    await vi.waitUntil(() => helpers?.presentCount === 0, { timeout: 10_000 });
  }
});

async function openWasm(threads?: number): Promise<Backend> {
  const opened = await open(threads === undefined ? {} : { threads });
  if ("unavailable" in opened) throw new Error(opened.unavailable);
  return opened;
}

async function kernelOf(options: { kernel?: string }): Promise<string> {
  using layer = (await openWasm()).linear([randomPlane(1, 1)], { ...int8, ...options });
  return layer.kernel;
}

/** Slow on every machine: plain loops, some 20 ms of them. */
async function longWork(threads: number) {
  const plane = randomPlane(256, 512);
  const layer = (await openWasm(threads)).linear([plane], { ...int8, kernel: "scalar" });
  const m = 100;
  return { layer, plane, m, x: randomValues(m * 512) };
}

function windowOf(size: number): ConvolutionGeometry {
  return { inChannels: 1, kernelSize: [size, size], stride: [1, 1], padding: [0, 0] };
}

function randomPlane(outFeatures: number, inFeatures: number): TernaryMatrix {
  const random = new RandomSource(outFeatures * inFeatures);
  const trits = Int8Array.from({ length: outFeatures * inFeatures }, () => random.integer(3) - 1);
  return { outFeatures, inFeatures, trits, scales: Float32Array.of(0.25) };
}

function randomValues(length: number): Float32Array {
  const random = new RandomSource(length);
  return Float32Array.from({ length }, () => random.uniform(-2, 2));
}

function expectSameBits(actual: Float32Array, expected: Float32Array): void {
  const bytesOf = (values: Float32Array) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  expect(bytesOf(actual).equals(bytesOf(expected))).toBe(true); // toEqual takes seconds for large ones
}
