/** Whole conversions: a float file becomes a ternary one, which is what its report says. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RandomSource } from "../core/random.ts";
import { tensorEntry, writeFileAtomic, writeSafetensors } from "../files/index.ts";
import { decompose, sumPlanes } from "../quantizers/multi-ternary.ts";
import { openCheckpoint } from "./checkpoints/index.ts";
import { convertFile } from "./convert-file.ts";

let folder: string;
const random = new RandomSource(7);
const normal = (count: number) => Float32Array.from({ length: count }, () => random.normal());
const first = normal(30 * 20);
const embedding = normal(11 * 20);
const bias = normal(30);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-convert-"));
  const tensors = [
    tensorEntry("layers.0.weight", [30, 20], first),
    tensorEntry("layers.0.bias", [30], bias),
    tensorEntry("embed.weight", [11, 20], embedding),
  ];
  await writeFileAtomic(join(folder, "float.safetensors"), writeSafetensors(tensors, { note: "kept" }));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test.each([1, 2])("a layer becomes %i planes, all else stays", async (planes) => {
  const out = join(folder, `ternary-${planes}.safetensors`);
  const report = await convertFile(join(folder, "float.safetensors"), out, { planes });
  expect(report.layers.map(({ name, planes }) => [name, planes])).toEqual([["layers.0.weight", planes]]);
  expect(report.kept.count).toBe(2);
  await using written = await openCheckpoint(out);
  expect(written.kind).toBe("converted");
  expect(written.texts).toEqual({ note: "kept" });
  const weight = written.tensors.get("layers.0.weight");
  if (weight?.kind !== "ternary") throw new Error("the layer is not ternary");
  const shape = { outFeatures: 30, inFeatures: 20 };
  const expected = decompose(first, shape, { planes, quantizer: "optimal", fit: planes > 1 ? "joint" : "greedy" });
  const read = (await weight.readPlanes()).map((plane) => ({
    ...shape,
    trits: plane.unpackRows(0, 30),
    scales: plane.scales,
  }));
  expect(read).toEqual(expected);
  const error = relativeDistance(first, sumPlanes(expected));
  expect(report.layers[0].weightError).toBeCloseTo(error, 6);
  const kept = written.tensors.get("embed.weight");
  if (kept?.kind !== "float") throw new Error("the embedding is not float");
  expect(await kept.readRows(0, 11)).toEqual(embedding);
  expect(await readdir(folder)).not.toContain(`ternary-${planes}.safetensors.partial`);
});

test("a quantizer that leaves nothing of the weights is named", async () => {
  const file = join(folder, "small.safetensors");
  const [small, large] = [0.02, 1].map((size) => first.map((value) => size * value));
  const tensors = [tensorEntry("a.weight", [30, 20], small), tensorEntry("b.weight", [30, 20], large)];
  await writeFileAtomic(file, writeSafetensors(tensors));
  const { notes } = await convertFile(file, join(folder, "lost.safetensors"), { quantizer: "threshold" });
  expect(notes).toContainEqual(
    "one layer keeps next to nothing of the weights (a.weight) as threshold rounds them: choose another quantizer, or skip them",
  );
  const { notes: none } = await convertFile(file, join(folder, "held.safetensors"));
  expect(none.filter((note) => note.includes("next to nothing"))).toEqual([]);
});

function relativeDistance(a: Float32Array, b: Float32Array): number {
  const squares = a.reduce((sum, value) => sum + value * value, 0);
  return Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0) / squares);
}
