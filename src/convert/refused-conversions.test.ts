/** Conversions that cannot be: they are refused before anything is made, by file and tensor, and leave nothing behind. */
import { mkdir, mkdtemp, readdir, readFile, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FileError, UnsupportedError, UsageError } from "../core/errors.ts";
import { RandomSource } from "../core/random.ts";
import { tensorEntry, writeFileAtomic, writeSafetensors, writeSafetensorsShards } from "../files/index.ts";
import { openCheckpoint } from "./checkpoints/index.ts";
import { type ConvertOptions, convertFile } from "./convert-file.ts";
import { prepareConversion } from "./prepare-conversion.ts";

let folder: string;
const random = new RandomSource(9);
const normal = (count: number) => Float32Array.from({ length: count }, () => random.normal());

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-refused-"));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function writeModel(names: readonly string[], values = normal(20 * 30)): Promise<string> {
  const path = join(folder, "model.safetensors");
  await writeFileAtomic(path, writeSafetensors(names.map((name) => tensorEntry(name, [20, 30], values))));
  return path;
}

/** Writes two shards of a tensor each. @returns the path of their index */
async function writeShards(): Promise<string> {
  const index = join(folder, "model.safetensors.index.json");
  const tensors = ["a.weight", "b.weight"].map((name) => {
    const { bytes: data, ...head } = tensorEntry(name, [20, 30], normal(20 * 30));
    const chunks = async function* () {
      yield data;
    };
    return { ...head, byteLength: data.byteLength, chunks };
  });
  await writeSafetensorsShards(index, tensors, {}, { maxShardByteLength: 3000 });
  return index;
}

test("no shard of the source is written over", async () => {
  const index = await writeShards();
  const shard = join(folder, "model-00002-of-00002.safetensors");
  const before = await readFile(shard);
  await expect(convertFile(index, shard)).rejects.toThrow(`${shard} is a part of ${index}: give another file`);
  await expect(prepareConversion(index, shard)).rejects.toThrow(UsageError);
  expect((await readFile(shard)).equals(before)).toBe(true);
});

test("the bytes of shards count, and a shard that changed is converted again", async () => {
  const index = await writeShards();
  await using checkpoint = await openCheckpoint(index);
  expect(checkpoint.byteLength).toBeGreaterThan(2 * 20 * 30 * 4);
  const out = join(folder, "out.safetensors");
  const stop = new AbortController();
  const onProgress: ConvertOptions["onProgress"] = (event) => {
    if (event.kind === "step" && event.tensor === "b.weight") stop.abort(new Error("stopped"));
  };
  await expect(convertFile(index, out, { signal: stop.signal, onProgress })).rejects.toThrow("stopped");
  await utimes(join(folder, "model-00001-of-00002.safetensors"), new Date(), new Date(Date.now() + 10_000));
  expect((await convertFile(index, out)).resumedTensors).toBe(0);
});

test.each([
  { names: ["w", "w.scales"], out: "o.safetensors", problem: 'it is stored as "w.scales", and so is "w"' },
  {
    names: ["w", "w.1"],
    out: "o.safetensors",
    planes: 2,
    skip: ["w.1"],
    problem: 'it is stored as "w.1", and so is "w"',
  },
  { names: ["w", "w_scale"], out: "o.safetensors", to: "hf-bitnet", problem: 'it is stored as "w_scale"' },
  { names: ["x".repeat(1025)], out: "o.gguf", problem: "the names of a gguf file have 1 to 1024 bytes, got 1025" },
  { names: ["x".repeat(10_001)], out: "o.safetensors", problem: "1 to 10000 bytes, got 10001" },
])("names are checked first: $problem", async ({ names, out, problem, ...options }) => {
  const source = await writeModel(names);
  const refused = prepareConversion(source, join(folder, out), options);
  await expect(refused).rejects.toThrow(problem);
  await expect(refused).rejects.toThrow(FileError);
});

test("several planes of floats need a scale for each row", async () => {
  const source = await writeModel(["w"]);
  const out = join(folder, "o.safetensors");
  const refused = prepareConversion(source, out, { format: "og2", planes: 2 });
  await expect(refused).rejects.toThrow(
    "several planes are fitted with a scale for each row, and og2 holds one in all",
  );
  await expect(refused).rejects.toThrow(UnsupportedError);
  const report = await convertFile(source, out, { format: "og2", bits: 4 });
  expect(report.layers[0].planes).toBe(1);
});

test("scales of rows are not put into a format that has one", async () => {
  const rows = join(folder, "rows.safetensors");
  await convertFile(await writeModel(["w"]), rows);
  const refused = convertFile(rows, join(folder, "one.safetensors"), { format: "og2" });
  await expect(refused).rejects.toThrow('tensor "w": its scales differ, and og2 holds one for the whole matrix');
  expect(await readdir(folder)).toEqual(["model.safetensors", "rows.safetensors"]);
});

test("a weight that is no number leaves nothing behind", async () => {
  const values = normal(20 * 30);
  values[77] = Number.NaN;
  const refused = convertFile(await writeModel(["w"], values), join(folder, "o.safetensors"));
  await expect(refused).rejects.toThrow(/tensor "w": weights must be finite .* got NaN in row 2, column 17/);
  expect(await readdir(folder)).toEqual(["model.safetensors"]);
});

test("a weight that is no number is told by its row of the whole matrix", async () => {
  const [rows, columns] = [3000, 1000]; // more than one block
  const values = new Float32Array(rows * columns).fill(0.5);
  values[2900 * columns + 7] = Number.POSITIVE_INFINITY;
  const source = join(folder, "tall.safetensors");
  await writeFileAtomic(source, writeSafetensors([tensorEntry("w", [rows, columns], values)]));
  const refused = convertFile(source, join(folder, "o.safetensors"));
  await expect(refused).rejects.toThrow("got Infinity in row 2900, column 7");
});

test("a folder of other things is not taken for finished tensors", async () => {
  const out = join(folder, "o.safetensors");
  await mkdir(`${out}.partial`);
  await writeFileAtomic(join(`${out}.partial`, "notes.txt"), new Uint8Array(3));
  await expect(convertFile(await writeModel(["w"]), out)).rejects.toThrow('it holds "notes.txt", which is none');
  expect(await readdir(`${out}.partial`)).toEqual(["notes.txt"]);
});
