import { expect, test } from "vitest";
import { type Backend, type BackendLinear, openBackend } from "../backends/index.ts";
import { UnsupportedError } from "../core/errors.ts";
import { formatById } from "../formats/index.ts";
import { DeployedModel } from "./deployed-model.ts";
import type { Graph } from "./graph.ts";

const reference = await openBackend("reference");
const shape = { outFeatures: 2, inFeatures: 3 };
const weight = { ...shape, trits: Int8Array.of(1, 0, -1, 0, 1, 1), scales: Float32Array.of(0.5) };

function layer(name: string, input: number): Graph["nodes"][number] {
  const bytes = formatById("base3").pack(weight);
  const packed = { kind: "ternary" as const, format: "base3", ...shape, bytes, scales: weight.scales };
  return {
    name,
    op: "ternary-linear",
    inputs: [input],
    attributes: { activation: "int8" },
    tensors: { weight: packed },
  };
}

const graph: Graph = { nodes: [layer("first", 0), layer("second", 0)], output: 1, inputShape: [3] };

/** The reference with two kernels; `slow` ones wait when they run a token. */
function backendOf(isSlow: (kernel: string, index: number) => boolean): { backend: Backend; alive: Set<string> } {
  const alive = new Set<string>();
  let made = 0;
  const backend: Backend = {
    ...reference,
    kernels: ["wide", "dense"],
    denserKernels: ["dense"],
    linear(planes, { kernel = "wide", ...options }): BackendLinear {
      const index = made++ % 2;
      const plain = reference.linear(planes, options);
      const id = `${kernel} ${index}`;
      alive.add(id);
      return {
        ...plain,
        kernel,
        run(x, m) {
          const end = performance.now() + (isSlow(kernel, index) ? 4 : 0);
          while (performance.now() < end) {}
          return plain.run(x, m);
        },
        [Symbol.dispose]: () => void alive.delete(id),
      };
    },
  };
  return { backend, alive };
}

test("each layer runs on the kernel that was fastest, and the others are gone", async () => {
  const { backend, alive } = backendOf((kernel, index) => (index === 0 ? kernel === "wide" : kernel === "dense"));
  const model = await DeployedModel.open(graph, { backend, optimizeFor: "latency" });
  expect(model.kernels).toEqual({ first: "dense", second: "wide" });
  expect(alive).toEqual(new Set(["dense 0", "wide 1"]));
  expect(await model.run([1, 2, 3])).toEqual(
    await (await DeployedModel.open(graph, { backend: reference })).run([1, 2, 3]),
  );
  model.dispose();
  expect(alive.size).toBe(0);
});

test("without being asked, nothing is measured", async () => {
  const { backend, alive } = backendOf(() => {
    throw new Error("it ran");
  });
  using model = await DeployedModel.open(graph, { backend });
  expect(model.kernels).toEqual({ first: "wide", second: "wide" });
  expect(alive.size).toBe(2);
});

test("what fails leaves nothing behind", async () => {
  const { backend, alive } = backendOf((kernel) => {
    if (kernel === "dense") throw new Error("it does not run");
    return false;
  });
  await expect(DeployedModel.open(graph, { backend, optimizeFor: "latency" })).rejects.toThrow("it does not run");
  expect(alive.size).toBe(0);
  const unknown = { backend: reference, optimizeFor: "throughput" as "latency" };
  await expect(DeployedModel.open(graph, unknown)).rejects.toThrow(UnsupportedError);
});

test("the native backend names a denser kernel where it has one", async () => {
  using model = await DeployedModel.open(graph, { optimizeFor: "latency" });
  const { kernels, denserKernels = [] } = await openBackend();
  for (const kernel of Object.values(model.kernels)) expect([kernels[0], ...denserKernels]).toContain(kernel);
  expect(kernels).toEqual(expect.arrayContaining([...denserKernels]));
});
