/**
 * GGUF files whose ternary blocks are equal to llama.cpp's own, and a file and blocks by `gguf` 0.19.0, ggml's Python
 * package: read, checked, and written again byte for byte.
 */
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkForLlamaCpp, type GgufReader, ggufFloats, openGguf, writeGguf } from "../../src/files/gguf/index.ts";

const folder = join(import.meta.dirname, "llama-cpp");
const python = join(import.meta.dirname, "gguf-python");
const models = ["llama_tied-tq2_0.gguf", "llama_tied-tq1_0.gguf", "llama_tied-f32.gguf.gz"];
let temporary = "";

beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), "bitlinear-gguf-"));
});
afterAll(() => rm(temporary, { recursive: true }));

async function bytesOf(model: string): Promise<Buffer> {
  const bytes = await readFile(join(folder, model));
  return model.endsWith(".gz") ? gunzipSync(bytes) : bytes;
}

/** As `openGguf` says what it read: every tensor with its chunks of at most `chunkBytes`. */
function tensorsOf(reader: GgufReader, chunkBytes: number) {
  return [...reader.tensors.values()].map((tensor) => ({
    ...tensor,
    async *chunks() {
      for (let begin = 0; begin < tensor.byteLength; begin += chunkBytes) {
        yield await reader.read(tensor.name, begin, Math.min(begin + chunkBytes, tensor.byteLength));
      }
    },
  }));
}

test.each(models)("%s is read and has nothing that llama.cpp refuses", async (model) => {
  await using reader = await openGguf(await bytesOf(model));
  expect(reader.version).toBe(3);
  expect(reader.metadata.get("general.architecture")).toEqual({ type: "string", value: "llama" });
  expect(reader.metadata.get("llama.vocab_size")).toEqual({ type: "uint32", value: 320 });
  expect(reader.metadata.get("llama.attention.layer_norm_rms_epsilon")?.value).toBe(Math.fround(1e-5));
  expect(reader.metadata.get("tokenizer.ggml.tokens")?.value).toHaveLength(320);
  expect(reader.tensors.size).toBe(20);
  expect(reader.tensors.get("token_embd.weight")).toMatchObject({ shape: [320, 256], typeName: "F16" });
  expect(reader.tensors.get("blk.1.ffn_down.weight")?.shape).toEqual([256, 512]);
  expect(checkForLlamaCpp(reader)).toEqual([]);
});

test.each(models)("%s is the same file when it is written again", async (model) => {
  const bytes = await bytesOf(model);
  await using reader = await openGguf(bytes);
  const path = join(temporary, model.replace(".gz", ""));
  await writeGguf(path, reader.metadata, tensorsOf(reader, 10_000));
  expect(bytes.equals(await readFile(path)), "the whole file").toBe(true);
});

test("a file is read by ranges as it is from memory", async () => {
  const path = join(folder, models[0]);
  await using fromMemory = await openGguf(await readFile(path));
  await using fromFile = await openGguf(path);
  expect(fromFile.tensors).toEqual(fromMemory.tensors);
  expect(fromFile.metadata).toEqual(fromMemory.metadata);
  const name = "blk.0.attn_q.weight";
  expect(await fromFile.read(name, 66, 132)).toEqual(new Uint8Array(await fromMemory.read(name, 66, 132)));
});

test("the floats of the F32 file and the F16 embedding are what the bytes say", async () => {
  await using reader = await openGguf(await bytesOf(models[2]));
  const weight = reader.tensors.get("blk.0.attn_q.weight");
  const floats = ggufFloats(await reader.read("blk.0.attn_q.weight"), weight?.type ?? -1);
  // Ternary times a scale per block of 256: each block has one magnitude besides 0.
  for (let block = 0; block < floats.length; block += 256) {
    const magnitudes = new Set(floats.subarray(block, block + 256).map(Math.abs));
    magnitudes.delete(0);
    expect(magnitudes.size).toBeLessThanOrEqual(1);
  }
  const embedding = ggufFloats(await reader.read("token_embd.weight"), 1);
  expect(embedding).toHaveLength(320 * 256);
  expect(embedding.every(Number.isFinite)).toBe(true);
});

test("a file of every value type and many element types is read and written again byte for byte", async () => {
  const path = join(python, "all-types.gguf");
  await using reader = await openGguf(path);
  expect(reader.alignment).toBe(64);
  const value = (key: string) => reader.metadata.get(`test.${key}`)?.value;
  expect(["u8", "i8", "u16", "i16", "u32", "i32"].map(value)).toEqual([
    200,
    -100,
    65535,
    -32768,
    2 ** 32 - 1,
    -(2 ** 31),
  ]);
  expect(["u64", "i64"].map(value)).toEqual([2n ** 64n - 1n, -(2n ** 63n)]);
  expect(["f32", "f64", "bool", "text"].map(value)).toEqual([Math.fround(0.1), 0.1, true, "größe 🙂\0 end"]);
  expect(value("strings")).toEqual(["a", "", "ü", "🙂"]);
  expect(value("i64s")).toEqual(BigInt64Array.of(-1n, 2n ** 62n));
  expect(reader.tensors.get("I32")?.shape).toEqual([2, 1, 3, 4]);
  expect(ggufFloats(await reader.read("F16"), 1)).toEqual(Float32Array.of(0, 1, 2, 3, 4, 5));
  expect(ggufFloats(await reader.read("F64"), 28)).toEqual(Float32Array.of(0, 1 / 3, 2 / 3, 1, 4 / 3));
  expect(ggufFloats(await reader.read("BF16"), 30)).toEqual(Float32Array.of(1, -2));

  const copy = join(temporary, "all-types.gguf");
  await writeGguf(copy, reader.metadata, tensorsOf(reader, 7), { readBy: "any" });
  expect((await readFile(copy)).equals(await readFile(path)), "the whole file").toBe(true);
});

const { cases }: { cases: { type: string; id: number; bytes: string; floats: string }[] } = JSON.parse(
  readFileSync(join(python, "ggml-blocks.json"), "utf8"),
);

test.each(cases)("blocks of $type are the floats that ggml gives, in all bits", ({ id, bytes, floats }) => {
  const decoded = ggufFloats(Buffer.from(bytes, "hex"), id);
  expect(Buffer.from(decoded.buffer).toString("hex")).toBe(floats);
});
