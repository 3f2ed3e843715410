import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ShapeError, UsageError } from "../core/errors.ts";
import { type TensorEntry, tensorEntry } from "./safetensors.ts";
import { openSafetensors } from "./safetensors-reader.ts";
import { writeSafetensorsShards } from "./safetensors-shards.ts";
import type { StreamedTensor } from "./safetensors-writer.ts";

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-shards-"));
  path = join(folder, "model.safetensors.index.json");
});

afterEach(() => rm(folder, { recursive: true }));

const entries: readonly TensorEntry[] = [
  tensorEntry("embed", [3], Float32Array.of(1, 2, 3)),
  tensorEntry("10", [2], Uint8Array.of(4, 5)),
  tensorEntry("__proto__", [2], Uint8Array.of(6, 7)),
  tensorEntry("head", [4], Float32Array.of(8, 9, 10, 11)),
  tensorEntry("empty", [0], Float32Array.of()),
];
const tensors: readonly StreamedTensor[] = entries.map(({ bytes, ...stored }) => ({
  ...stored,
  byteLength: bytes.length,
  chunks: () => [bytes],
}));

test.each([
  [1, ["embed", "10", "__proto__", "head,empty"]],
  [4, ["embed", "10,__proto__", "head,empty"]],
  [14, ["embed,10", "__proto__", "head,empty"]],
  [1000, ["embed,10,__proto__,head,empty"]],
])("shards of at most %i bytes are read as the model that was written", async (maxShardByteLength, expected) => {
  await writeSafetensorsShards(path, tensors, { format: "pt" }, { maxShardByteLength });
  const total = `${expected.length}`.padStart(5, "0");
  const files = expected.map((_, i) => `model-${`${i + 1}`.padStart(5, "0")}-of-${total}.safetensors`);
  expect((await readdir(folder)).sort()).toEqual([...files, "model.safetensors.index.json"]);
  const index: unknown = JSON.parse(await readFile(path, "utf8"));
  expect(index).toHaveProperty("metadata.total_size", 32);

  await using reader = await openSafetensors(path);
  expect([...reader.tensors.keys()]).toEqual(entries.map(({ name }) => name));
  expect({ ...reader.metadata }).toEqual({ format: "pt" });
  for (const { name, bytes } of entries) expect(new Uint8Array(await reader.read(name))).toEqual(new Uint8Array(bytes));
  for (const [i, file] of files.entries()) {
    await using shard = await openSafetensors(join(folder, file));
    expect([...shard.tensors.keys()].sort()).toEqual(expected[i].split(",").sort());
  }
});

test("a model without tensors has an index without shards", async () => {
  await writeSafetensorsShards(path, []);
  expect(await readdir(folder)).toEqual(["model.safetensors.index.json"]);
  await using reader = await openSafetensors(path);
  expect(reader.tensors.size).toBe(0);
});

test("what cannot be written is refused before anything is", async () => {
  const other = join(folder, "model.safetensors");
  await expect(writeSafetensorsShards(other, tensors)).rejects.toThrow(UsageError);
  await expect(writeSafetensorsShards(other, tensors)).rejects.toThrow(/is named <name>\.safetensors\.index\.json/);
  await expect(writeSafetensorsShards(join(folder, ".safetensors.index.json"), tensors)).rejects.toThrow(UsageError);
  const twice = [tensors[0], tensors[3], tensors[0]];
  const options = { maxShardByteLength: 1 };
  await expect(writeSafetensorsShards(path, twice, {}, options)).rejects.toThrow(/two tensors are named "embed"/);
  await expect(writeSafetensorsShards(path, tensors, {}, { maxShardByteLength: 0 })).rejects.toThrow(ShapeError);
  expect(await readdir(folder)).toEqual([]);
});

test("a shard that fails leaves the old index", async () => {
  await writeSafetensorsShards(path, tensors.slice(0, 1));
  const before = await readFile(path, "utf8");
  const short = { ...tensors[3], chunks: () => [new Uint8Array(3)] };
  await expect(writeSafetensorsShards(path, [tensors[0], short], {}, { maxShardByteLength: 1 })).rejects.toThrow(
    ShapeError,
  );
  expect(await readFile(path, "utf8")).toBe(before);
});
