/** Converted checkpoints in modules: the same planes, by name, and outputs that follow from them. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RandomSource } from "../core/random.ts";
import { Conv2d, Linear, Sequential, saveStateDict, TernaryConv2d, TernaryLinear, ternarize } from "../nn/index.ts";
import { convertFile } from "./convert-file.ts";
import { loadCheckpoint } from "./load-checkpoint.ts";

let folder: string;
const random = new RandomSource(5);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-load-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test.each([1, 3])("layers of %i planes are those that ternarize would make", async (planes) => {
  const layers = () => new Sequential(new Conv2d(2, 3, 3), new Linear(12, 5), new Linear(5, 4));
  const trained = layers();
  for (const [, parameter] of trained.namedParameters()) {
    parameter.value.set(parameter.value.map(() => random.normal()));
  }
  const [file, out] = [join(folder, "float.safetensors"), join(folder, `ternary-${planes}.safetensors`)];
  await saveStateDict(trained, file);
  await convertFile(file, out, { planes, skip: ["2.*"] });

  const { model, ternary } = await loadCheckpoint(layers(), out);
  expect(ternary).toEqual(["0", "1"]);
  const expected = ternarize(trained, { planes, skip: ["2"], inPlace: false }).model;
  expect(model.namedModules().map(([, module]) => module.constructor)).toEqual([
    ...[Sequential, TernaryConv2d, TernaryLinear, Linear],
  ]);
  expect(model.stateDict()).toEqual(expected.stateDict());
});

test("a model that does not fit is left as it was", async () => {
  const file = join(folder, "other.safetensors");
  await saveStateDict(new Linear(3, 2), file);
  const model = new Linear(4, 2);
  const before = model.stateDict();
  await expect(loadCheckpoint(model, file)).rejects.toThrow(
    /^.*\.safetensors: .*weight must be \[2, 4\], got \[2, 3\]/s,
  );
  expect(model.stateDict()).toEqual(before);
});
