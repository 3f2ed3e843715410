import { mkdtemp, open, rm, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FileError, ShapeError, UnsupportedError } from "../core/errors.ts";
import { parseSafetensors, tensorEntry, writeSafetensors } from "./safetensors.ts";
import { openSafetensors } from "./safetensors-reader.ts";

const first = writeSafetensors(
  [tensorEntry("a", [2, 2], Float32Array.of(1, 2, 3, 4)), tensorEntry("b", [3], Uint8Array.of(5, 6, 7))],
  { format: "pt", part: "1" },
);
const second = writeSafetensors([tensorEntry("c", [2], Int32Array.of(8, 9))], {
  format: "pt",
  part: "2",
  only: "here",
});
const weightMap = { a: "m-1.safetensors", c: "m-2.safetensors", b: "m-1.safetensors" };
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-reader-"));
  await writeFile(join(folder, "m-1.safetensors"), first);
  await writeFile(join(folder, "m-2.safetensors"), second);
});

afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

async function writeIndex(content: unknown): Promise<string> {
  const path = join(folder, "m.safetensors.index.json");
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

async function errorOf(path: string): Promise<FileError> {
  const found = await openSafetensors(path).catch((error: unknown) => error);
  if (!(found instanceof FileError)) throw new Error("the file was accepted", { cause: found });
  return found;
}

test("a file is opened as it is parsed, and its tensors read whole and in part", async () => {
  const parsed = parseSafetensors(first);
  for (const source of [join(folder, "m-1.safetensors"), new Blob([first]), first]) {
    await using reader = await openSafetensors(source);
    expect(reader.metadata).toEqual(parsed.metadata);
    expect([...reader.tensors.keys()]).toEqual([...parsed.tensors.keys()]);
    for (const [name, { dtype, shape, bytes }] of parsed.tensors) {
      expect(reader.tensors.get(name)).toEqual({ name, dtype, shape, byteLength: bytes.length });
      expect(await reader.read(name)).toEqual(new Uint8Array(bytes));
      for (let begin = 0; begin <= bytes.length; begin++) {
        expect(await reader.read(name, begin)).toEqual(bytes.slice(begin));
        for (let end = begin; end <= bytes.length; end++) {
          expect(await reader.read(name, begin, end)).toEqual(bytes.slice(begin, end));
        }
      }
    }
  }
});

test("a tensor has nothing beyond its own bytes", async () => {
  await using reader = await openSafetensors(first);
  for (const [begin, end] of [
    [0, 17],
    [-1, 4],
    [9, 8],
    [17, undefined],
    [0.5, 4],
    [Number.NaN, 4],
    [0, Number.NaN],
  ]) {
    await expect(reader.read("a", begin, end)).rejects.toThrow(ShapeError);
  }
  await expect(reader.read("z")).rejects.toThrow(FileError);
  await expect(reader.read("z")).rejects.toThrow(/<bytes>, tensor "z": there is no such tensor among its 2/);
});

test("damage is found as parseSafetensors finds it, with the same words", async () => {
  const path = join(folder, "damaged.safetensors");
  for (const edit of [
    (bytes: Uint8Array) => bytes.subarray(0, 5),
    (bytes: Uint8Array) => bytes.subarray(0, 60),
    (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 1),
    (bytes: Uint8Array) => Uint8Array.from([...bytes, 0]),
    (bytes: Uint8Array) => Uint8Array.from(bytes, (byte, i) => (i === 7 ? 1 : byte)),
    (bytes: Uint8Array) => Uint8Array.from(bytes, (byte, i) => (i === 20 ? 0xff : byte)),
    (bytes: Uint8Array) => Uint8Array.from(bytes, (byte, i) => (i === 9 ? 0x7d : byte)),
  ]) {
    const damaged = edit(first);
    await writeFile(path, damaged);
    const found = await errorOf(path);
    expect(() => parseSafetensors(damaged, path)).toThrow(found.message);
    expect(found.file).toBe(path);
  }
});

/** As many bytes as no test machine should hold, and no disk stores: the file is a hole behind its header. */
test("a file of 3 GB is opened and read within some megabytes", async () => {
  const path = join(folder, "sparse.safetensors");
  const rows = 3 * 2 ** 28; // of 4 bytes
  const header = `{"big":{"dtype":"F32","shape":[${rows}],"data_offsets":[0,${rows * 4}]},"small":{"dtype":"F32","shape":[2],"data_offsets":[${rows * 4},${rows * 4 + 8}]}}`;
  const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
  const size = 8 + padded.length + rows * 4 + 8;
  await writeFile(path, writePrefix(padded));
  await truncate(path, size);
  await using handle = await open(path, "r+");
  await handle.write(Float32Array.of(1.5, -2), 0, 8, size - 8);

  const before = process.memoryUsage();
  await using reader = await openSafetensors(path);
  expect(reader.tensors.get("big")).toMatchObject({ byteLength: rows * 4 });
  const small = new Uint8Array(await reader.read("small"));
  expect(new Float32Array(small.buffer)).toEqual(Float32Array.of(1.5, -2));
  expect(await reader.read("big", rows * 4 - 8)).toEqual(new Uint8Array(8));
  const after = process.memoryUsage();
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(2 ** 23);
  expect(after.rss - before.rss).toBeLessThan(2 ** 26); // what the process as a whole grew by, whatever else it does
});

function writePrefix(header: string): Uint8Array {
  const bytes = new Uint8Array(8 + header.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(new TextEncoder().encode(header), 8);
  return bytes;
}

test("shards are read as one model", async () => {
  const path = await writeIndex({
    metadata: { total_size: 27, x: [{ y: [] }, -1.5e3, null, true] },
    weight_map: weightMap,
  });
  for (const source of [path, pathToFileURL(path), pathToFileURL(path).href]) {
    await using reader = await openSafetensors(source);
    expect([...reader.tensors.keys()]).toEqual(["a", "b", "c"]);
    expect({ ...reader.metadata }).toEqual({ format: "pt", only: "here" });
    expect(reader.tensors.get("c")).toEqual({ name: "c", dtype: "I32", shape: [2], byteLength: 8 });
    expect([...(await reader.read("b"))]).toEqual([5, 6, 7]);
    expect([...(await reader.read("c", 4))]).toEqual([9, 0, 0, 0]);
  }
});

test("shards are fetched from beside their index", async () => {
  const index = JSON.stringify({ weight_map: weightMap });
  const files: Record<string, Uint8Array | string> = {
    "/deep/m.safetensors.index.json": index,
    "/deep/m-1.safetensors": first,
    "/deep/m-2.safetensors": second,
  };
  const server = createServer((request, response) => response.end(files[request.url?.split("?")[0] ?? ""]));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await using reader = await openSafetensors(`http://127.0.0.1:${port}/deep/m.safetensors.index.json?download=true`);
  expect([...(await reader.read("c", 0, 1))]).toEqual([8]);
  server.closeAllConnections();
  server.close();
});

test("an index without tensors is a model without tensors", async () => {
  await using reader = await openSafetensors(await writeIndex({ weight_map: {} }));
  expect(reader.tensors.size).toBe(0);
  await expect(reader.read("a")).rejects.toThrow(FileError);
});

test.each([
  "../m-1.safetensors",
  "/etc/m.safetensors",
  "sub/m-1.safetensors",
  "..\\m-1.safetensors",
  "C:m-1.safetensors",
  "http://host/m.safetensors",
  "m-1.safetensors\0",
  "m-1.bin",
  ".safetensors",
  "",
  "..",
])("a shard named %j is not opened", async (shard) => {
  const found = await errorOf(await writeIndex({ weight_map: { ...weightMap, a: shard } }));
  expect(found).toMatchObject({ tensor: "a", offset: `{"weight_map":{"a":`.length });
  expect(found.message).toMatch(/a shard must be a \*\.safetensors file beside its index/);
});

test.each([
  ["no index", "[]", /expected "\{" to open the index/],
  ["nothing", "", /expected "\{" to open the index, got the end/],
  ["no weight_map", `{"metadata":{}}`, /no weight_map/],
  ["two weight_maps", `{"weight_map":{},"weight_map":{}}`, /"weight_map" appears twice in the index/],
  ["a tensor twice", `{"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}`, /"a" appears twice in weight_map/],
  ["a number as shard", `{"weight_map":{"a":1}}`, /name of a shard in double quotes, got "1\}\}"/],
  ["an array as map", `{"weight_map":[]}`, /to open weight_map/],
  ["words after the end", `{"weight_map":{}} x`, /only spaces after/],
  ["nesting without end", `{"metadata":${"[".repeat(100_000)}`, /nested more than 32 deep/],
  ["no JSON", `{"metadata":nul,"weight_map":{}}`, /a JSON value, got "nul,/],
  ["an array that does not close", `{"metadata":[1,2}`, /"\]" to close an array/],
  ["other bytes", "\x00\xff", /./],
])("an index of %s is refused", async (_, text, message) => {
  expect((await errorOf(await writeIndex(text))).message).toMatch(message);
});

test("a hostile index of many shards opens none of them", async () => {
  const names = Array.from({ length: 1001 }, (_, i) => [`t${i}`, `s${i}.safetensors`]);
  expect((await errorOf(await writeIndex({ weight_map: Object.fromEntries(names) }))).message).toMatch(
    /more than 1000/,
  );
});

test.each<[string, Record<string, string>, Partial<FileError>]>([
  [
    "a shard that is missing",
    { ...weightMap, c: "m-3.safetensors" },
    {
      message: expect.stringMatching(/its shard "m-3.safetensors" cannot be opened: .*there is no such file/) as string,
    },
  ],
  [
    "a tensor that its shard does not hold",
    { ...weightMap, d: "m-2.safetensors" },
    { tensor: "d", message: expect.stringMatching(/is in .*m-2.safetensors, which does not hold it/) as string },
  ],
  [
    "a tensor that the index does not name",
    { a: "m-1.safetensors", c: "m-2.safetensors" },
    { tensor: "b", message: expect.stringMatching(/m-1.safetensors, where weight_map does not place it/) as string },
  ],
  [
    "tensors that stand in two shards",
    { ...weightMap, d: "m-3.safetensors" },
    { tensor: "c", message: expect.stringMatching(/m-3.safetensors and in .*m-2.safetensors/) as string },
  ],
])("%s is refused", async (_, map, expected) => {
  if (map.d === "m-3.safetensors") {
    const tensors = [tensorEntry("c", [1], Uint8Array.of(1)), tensorEntry("d", [1], Uint8Array.of(1))];
    await writeFile(join(folder, "m-3.safetensors"), writeSafetensors(tensors));
  }
  const path = await writeIndex({ weight_map: map });
  expect(await errorOf(path)).toMatchObject({ file: path, ...expected });
});

test("a damaged shard is named", async () => {
  await writeFile(join(folder, "m-2.safetensors"), second.subarray(0, 20));
  const found = await errorOf(await writeIndex({ weight_map: weightMap }));
  expect(found).toMatchObject({ file: join(folder, "m-2.safetensors"), offset: 0 });
});

test("an index whose folder is not known cannot be opened", async () => {
  const index = JSON.stringify({ weight_map: weightMap });
  await expect(openSafetensors(new File([index], "m.safetensors.index.json"))).rejects.toThrow(UnsupportedError);
});
