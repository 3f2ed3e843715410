/** Packed files of Hugging Face: both layouts hold the same trits, and nothing is guessed about their scales. */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { decodeFloats, openSafetensors } from "../../files/index.ts";
import { diffCheckpoints } from "../diff-checkpoints.ts";
import { openCheckpoint } from "./index.ts";

const golden = join(import.meta.dirname, "../../../test/golden/llama-cpp");
const WEIGHT = "model.layers.0.self_attn.q_proj.weight";
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-hf-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** A golden file in a folder of its own, beside a config.json, or nothing. */
async function place(name: string, config?: string): Promise<string> {
  const own = join(folder, `${name}-${Math.random()}`);
  await mkdir(own);
  await copyFile(join(golden, `${name}.safetensors`), join(own, "model.safetensors"));
  if (config !== undefined) await writeFile(join(own, "config.json"), config);
  return join(own, "model.safetensors");
}

async function scaleOf(path: string, linearClass?: string): Promise<number> {
  await using checkpoint = await openCheckpoint(path, { linearClass });
  const tensor = checkpoint.tensors.get(WEIGHT);
  if (tensor?.kind !== "ternary") throw new Error("the weight is not ternary");
  return (await tensor.readPlanes())[0].scales[0];
}

async function storedScale(path: string): Promise<number> {
  await using reader = await openSafetensors(path);
  return decodeFloats(await reader.read(`${WEIGHT}_scale`), "BF16")[0];
}

test("both layouts hold the same trits", async () => {
  const files = ["hf-offline", "hf-bitlinear"].map((name) => join(golden, `${name}.safetensors`));
  const { tensors } = await diffCheckpoints(files[0], files[1]);
  expect(tensors.filter(({ typeA }) => typeA === "hf_bitnet").map(({ status }) => status)).toEqual(
    new Array(14).fill("equal trits"),
  );
});

test.each([
  ['{"quantization_config":{"linear_class":"autobitlinear"}}', false],
  ['{"quantization_config":{"linear_class":"bitlinear"}}', true],
  ['{"quantization_config":{}}', true],
  ["{}", true],
])("with %s scales divide: %s", async (config, divides) => {
  const path = await place("hf-offline", config);
  const stored = await storedScale(path);
  expect(await scaleOf(path)).toBe(divides ? Math.fround(1 / stored) : stored);
});

test("a configuration named after the file goes before that of the folder", async () => {
  const path = await place("hf-offline", '{"quantization_config":{"linear_class":"bitlinear"}}');
  await writeFile(
    path.replace(/safetensors$/, "config.json"),
    '{"quantization_config":{"linear_class":"autobitlinear"}}',
  );
  expect(await scaleOf(path)).toBe(await storedScale(path));
});

test("without a config.json the class has to be said", async () => {
  const path = await place("hf-offline");
  await expect(openCheckpoint(path)).rejects.toThrow(/no config\.json beside the file tells which.*--linear-class/);
  expect(await scaleOf(path, "autobitlinear")).toBe(await storedScale(path));
  await expect(openCheckpoint(path, { linearClass: "linear" })).rejects.toThrow("autobitlinear or bitlinear");
});

test.each([
  "[]",
  "{",
  '{"quantization_config":{"linear_class":7}}',
  '{"quantization_config":{"linear_class":"other"}}',
])("a config.json that reads %s is refused", async (config) => {
  await expect(openCheckpoint(await place("hf-offline", config))).rejects.toThrow(/config\.json|linear class/);
});
