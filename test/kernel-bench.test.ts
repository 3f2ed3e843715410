/** What the bench of the kernels is made of, beside what it shares with `bitlinear bench`. */
import { expect, test } from "vitest";
import { measureShare, sharesBetween } from "../bench/kernels/shares.ts";
import { targetMeasurements } from "../bench/kernels/targets.ts";
import { columnWeights } from "../bench/peers/column-weights.ts";
import { peers } from "../bench/peers/index.ts";
import { loadPackage, NOT_INSTALLED } from "../bench/peers/installed-package.ts";
import { onnxModel } from "../bench/peers/onnx-model.ts";
import { type Backend, openBackend } from "../src/backends/index.ts";
import type { TimedProduct } from "../src/cli/bench/kernel-record.ts";
import { checkProducts, randomProblem, referenceSample } from "../src/cli/bench/problem.ts";
import type { TimedLayer } from "../src/cli/bench/timed-layer.ts";

test("a model of one product has the bytes that onnx.proto says", () => {
  const bytes = new Uint8Array(new Float32Array(300).fill(1).buffer);
  const constants = [{ type: "float", dims: [1, 300], bytes }] as const;
  const product = { operator: "MatMul", domain: "", attributes: { K: 1 }, constants };
  const model = fieldsOf(onnxModel([product], [300, 1]));
  expect(numberIn(model, 1)).toBe(8); // ir_version
  const [opset] = messagesIn(model, 8);
  expect([textsIn(opset, 1), numberIn(opset, 2)]).toEqual([[""], 17]);
  const [graph] = messagesIn(model, 7);

  const [node] = messagesIn(graph, 1);
  expect([textsIn(node, 1), textsIn(node, 2), textsIn(node, 4)]).toEqual([["x", "w0_0"], ["y0"], ["MatMul"]]);
  const [attribute] = messagesIn(node, 5);
  expect([textsIn(attribute, 1), numberIn(attribute, 3), numberIn(attribute, 20)]).toEqual([["K"], 1, 2]);

  const [tensor] = messagesIn(graph, 5);
  expect(tensor.filter(({ field }) => field === 1).map(({ value }) => value)).toEqual([1, 300]); // dims
  expect([numberIn(tensor, 2), textsIn(tensor, 8)]).toEqual([1, ["w0_0"]]);
  expect(tensor.find(({ field }) => field === 9)?.value).toEqual(bytes);

  for (const [field, name, columns] of [
    [11, "x", 1],
    [12, "y0", 300],
  ] as const) {
    const [info] = messagesIn(graph, field);
    expect(textsIn(info, 1)).toEqual([name]);
    const [tensorType] = messagesIn(messagesIn(info, 2)[0], 1);
    const dims = messagesIn(messagesIn(tensorType, 2)[0], 1);
    expect([textsIn(dims[0], 2), numberIn(dims[1], 1)]).toEqual([["m"], columns]);
  }
});

test("a package that is not there is named as absent, with what installs it", () => {
  expect(loadPackage("no-such-package")).toEqual({ unavailable: NOT_INSTALLED });
});

test("peers compute our products, where they are installed", async () => {
  const problem = randomProblem([160, 256], 3);
  const sample = await referenceSample(problem, 3);
  for (const { open } of peers) {
    const kernels = await open();
    if ("unavailable" in kernels) continue;
    for (const kernel of kernels) {
      await using layer = await kernel.prepare(problem.matrix, { threads: 1, coldByteLength: 200_000 });
      if (layer === undefined) throw new Error(`${kernel.id} must run with one thread`);
      expect(layer.copies * layer.byteLength).toBeGreaterThanOrEqual(200_000);
      checkProducts(await layer.warm.run(problem.x, 3), 160, sample, layer);
      if (layer.cold) checkProducts(await layer.cold.run(problem.x, 3), 160, sample, layer);
    }
  }
});

test("float weights are transposed", () => {
  const trits = Int8Array.of(1, 0, -1, 0, 1, 1);
  const matrix = { outFeatures: 2, inFeatures: 3, trits, scales: Float32Array.of(0.5, 2) };
  expect([...columnWeights(matrix)]).toEqual([0.5, 0, 0, 2, -0.5, 2]);
});

test("times that are wanted are those of the fastest kernel", () => {
  const timed = (kernel: string, samples: number[], m = 1): TimedProduct => ({
    layer: { backend: "native", kernel, threads: 1, byteLength: 4_200_000 },
    ...{ shape: [4096, 4096], m, mode: "warm", samples },
  });
  expect(targetMeasurements([timed("avx2", [60]), timed("best", [40, 50]), timed("best", [30], 8)])).toEqual([
    {
      name: "4096 × 4096, M = 1, warm, 1 thread (native best)",
      ...{ unit: "µs", samples: [40, 50], target: { atMost: 45 } },
    },
  ]);
});

test("a share is taken of the higher limit of those before and after", async () => {
  const limits = [10, 20, 5, 5];
  const rates = [8, 10, 4];
  const shares = await sharesBetween(
    () => limits.shift(),
    async () => rates.shift() ?? Number.NaN,
    3,
  );
  expect(shares).toEqual([0.4, 0.5, 0.8]);
  expect(
    await sharesBetween(
      () => undefined,
      async () => 1,
      3,
    ),
  ).toBeUndefined();
});

test("a share is measured of the named kernel, or of the fastest", async () => {
  const problem = randomProblem([4096, 64], 1);
  const layer = (kernel: string): TimedLayer => ({
    ...{ backend: "native", kernel, threads: 2, byteLength: 1000, copies: 1, tolerance: 0 },
    warm: { products: 1, run: () => new Float32Array(4096) },
    [Symbol.asyncDispose]: async () => {},
  });
  const asked: string[] = [];
  const backend: Backend = {
    ...(await openBackend("reference")),
    ceilings: {
      measureDramRead: () => undefined,
      measureInt8Dot: (threads, kernel) => asked.push(`${kernel} ${threads}`) && 1000,
    },
  };
  const plan = { rounds: 2, samples: 1, sampleMilliseconds: 1 };
  const target = { shape: [4096, 64], threads: 2, m: 1, mode: "warm", of: "int8Dot", atLeast: 0.8 } as const;
  const layers = [layer("fast"), layer("slow")];
  const fastest = await measureShare(target, layers, { problem, backend }, plan);
  expect(fastest?.name).toBe("4096 × 64, M = 1, warm, 2 threads, of the peak of fast (native fast)");
  expect(fastest?.samples).toHaveLength(2);
  expect(fastest?.target).toEqual({ atLeast: 80 });
  const named = await measureShare({ ...target, kernel: "slow" }, layers, { problem, backend }, plan);
  expect(named?.name).toContain("(native slow)");
  expect(asked).toEqual(["fast 2", "fast 2", "fast 2", "slow 2", "slow 2", "slow 2"]);
  expect(await measureShare({ ...target, kernel: "none" }, layers, { problem, backend }, plan)).toBeUndefined();
  expect(await measureShare({ ...target, of: "dramRead" }, layers, { problem, backend }, plan)).toBeUndefined();
});

/** A field of a protocol buffer. */
interface Field {
  readonly field: number;
  readonly value: number | Uint8Array;
}

function fieldsOf(bytes: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++];
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const number = varint();
    const isBytes = key % 8 === 2;
    fields.push({ field: key >> 3, value: isBytes ? bytes.subarray(at, at + number) : number });
    if (isBytes) at += number;
  }
  expect(at).toBe(bytes.length);
  return fields;
}

function bytesIn(fields: readonly Field[], field: number): Uint8Array[] {
  return fields.flatMap((each) => (each.field === field && each.value instanceof Uint8Array ? [each.value] : []));
}

function messagesIn(fields: readonly Field[], field: number): Field[][] {
  return bytesIn(fields, field).map(fieldsOf);
}

function textsIn(fields: readonly Field[], field: number): string[] {
  return bytesIn(fields, field).map((bytes) => new TextDecoder().decode(bytes));
}

function numberIn(fields: readonly Field[], field: number): number | Uint8Array | undefined {
  return fields.find((each) => each.field === field)?.value;
}
