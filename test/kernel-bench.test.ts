/** What the bench of the kernels is made of, beside what it shares with `bitlinear bench`. */
import { expect, test } from "vitest";
import { targetMeasurements } from "../bench/kernels/targets.ts";
import { columnWeights } from "../bench/peers/column-weights.ts";
import { peers } from "../bench/peers/index.ts";
import { loadPackage, NOT_INSTALLED } from "../bench/peers/installed-package.ts";
import { onnxModel } from "../bench/peers/onnx-model.ts";
import type { TimedProduct } from "../src/cli/bench/kernel-record.ts";
import { checkProducts, randomProblem, referenceSample } from "../src/cli/bench/problem.ts";

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

test("targets look at the fastest kernel or at a certain one, and at shares sample by sample", () => {
  const int8DotGopsOf = { avx512vnni: 1000, avx2: 400 };
  const ceiling = { threads: 1, dramReadGBps: 10, int8DotGops: 5000, int8DotGopsOf };
  const timed = (kernel: string, samples: number[], m = 128): TimedProduct => ({
    layer: { backend: "native", kernel, threads: 1, byteLength: 4_200_000 },
    ...{ shape: [4096, 4096], m, mode: "warm", samples },
  });
  const gop = (2 * 128 * 4096 * 4096) / 1e9;
  const seconds = (gops: number) => (gop / gops) * 1e6;
  const measurements = targetMeasurements(
    [
      timed("avx2", [200, 300].map(seconds)),
      timed("avx512vnni", [900, 800].map(seconds)),
      timed("best", [4000].map(seconds)),
      ...[timed("avx2", [60], 1), timed("best", [40, 50], 1)],
    ],
    () => ceiling,
  );
  const figures = measurements.map(({ name, samples, target }) => ({
    name,
    samples: samples.map((sample) => Math.round(sample)),
    target,
  }));
  expect(figures).toEqual([
    { name: "4096 × 4096, M = 1, warm, 1 thread (native best)", samples: [40, 50], target: { atMost: 45 } },
    {
      name: "4096 × 4096, M = 128, warm, 1 thread, of the peak of avx512vnni (native avx512vnni)",
      ...{ samples: [90, 80], target: { atLeast: 85 } },
    },
    {
      name: "4096 × 4096, M = 128, warm, 1 thread, of the peak of avx2 (native avx2)",
      ...{ samples: [50, 75], target: { atLeast: 60 } },
    },
  ]);
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
