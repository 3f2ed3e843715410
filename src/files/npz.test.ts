import { mkdtemp, open, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ZipEnd, type ZipPart, zipFile } from "../../test/support/zip-file.ts";
import { FileError, UnsupportedError } from "../core/errors.ts";
import { npyToFloat32, writeNpy } from "./npy.ts";
import { openNpz } from "./npz.ts";
import type { ByteSource } from "./source.ts";

const weight = writeNpy(Float32Array.of(1, -2, 3, 4, 5, 6), [2, 3]);
const steps = writeNpy(Int32Array.of(7), []);
const zeros = writeNpy(new Float32Array(200_000), [200, 1000]);
const parts: ZipPart[] = [
  { name: "layers/0.weight.npy", bytes: weight },
  { name: "steps.npy", bytes: steps, method: 0 },
  { name: "größe.npy", bytes: zeros },
];
const latin1 = new TextDecoder("latin1");
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-npz-"));
});

afterAll(() => rm(folder, { recursive: true }));

async function errorOf(source: ByteSource, name?: string): Promise<FileError> {
  try {
    await using reader = await openNpz(source);
    if (name !== undefined) await reader.read(name);
  } catch (error) {
    if (error instanceof FileError) return error;
    throw error;
  }
  throw new Error("the file was accepted");
}

test.each<[string, ZipEnd]>([
  ["as it is", {}],
  ["with a comment", { comment: "of whoever packed it" }],
  ["with zip64 fields", { isZip64: true }],
  ["with zip64 fields and a comment", { isZip64: true, comment: "PK\u0005\u0006" }],
])("an archive is read %s, from a file and from memory", async (_, end) => {
  const bytes = zipFile(parts, end);
  const path = join(folder, "model.npz");
  await writeFile(path, bytes);
  for (const source of [path, bytes, new Blob([new Uint8Array(bytes)])]) {
    await using reader = await openNpz(source);
    expect([...reader.tensors.values()]).toEqual([
      { name: "layers/0.weight", dtype: "F32", shape: [2, 3], byteLength: 24 },
      { name: "steps", dtype: "I32", shape: [], byteLength: 4 },
      { name: "größe", dtype: "F32", shape: [200, 1000], byteLength: 800_000 },
    ]);
    expect([...npyToFloat32(await reader.read("layers/0.weight"))]).toEqual([1, -2, 3, 4, 5, 6]);
    expect([...(await reader.read("steps")).values]).toEqual([7]);
    const { values } = await reader.read("größe");
    expect([
      values.length,
      npyToFloat32({ dtype: "F32", shape: [200_000], values }).every((zero) => zero === 0),
    ]).toEqual([200_000, true]);
    expect([...npyToFloat32(await reader.read("layers/0.weight"))]).toEqual([1, -2, 3, 4, 5, 6]); // once more
  }
});

test("arrays are read at the same time", async () => {
  await using reader = await openNpz(zipFile(parts));
  const names = Array.from({ length: 30 }, (_, i) => ["layers/0.weight", "steps", "größe"][i % 3]);
  const lengths = (await Promise.all(names.map((name) => reader.read(name)))).map(({ values }) => values.length);
  expect(lengths).toEqual(names.map((_, i) => [6, 1, 200_000][i % 3]));
});

test("an archive without arrays is a model without tensors", async () => {
  await using reader = await openNpz(zipFile([]));
  expect(reader.tensors.size).toBe(0);
  await expect(reader.read("a")).rejects.toThrow(/tensor "a": there is no such array among its 0/);
});

test("only headers are unpacked when an archive is opened", async () => {
  const many = Array.from({ length: 50 }, (_, i) => ({ name: `${i}.npy`, bytes: zeros }));
  const bytes = zipFile(many.map((part) => ({ ...part, packed: deflateRawSync(zeros) })));
  await openNpz(bytes); // so that what is made once is made
  const before = process.memoryUsage().arrayBuffers;
  await using reader = await openNpz(bytes);
  expect(reader.tensors.size).toBe(50);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 24); // 40 MB unpacked
});

/**
 * Writes an archive whose first array, "big", is one of float32 behind a hole of `holeByteLength` bytes that no disk stores;
 * other arrays follow.
 */
async function writeSparse(
  path: string,
  big: Partial<ZipPart> & { rows: number; holeByteLength: number },
  others: ZipPart[],
) {
  const { rows, holeByteLength, ...lie } = big;
  const end = `(${rows},), }`; // longer than that of the file it replaces, whose header has room
  const head = latin1.decode(writeNpy(new Float32Array(0), [0])).replace("(0,), }".padEnd(end.length), end);
  const bytes = Uint8Array.from(head, (character) => character.charCodeAt(0));
  const byteLength = bytes.length + 4 * rows;
  const first: ZipPart = {
    name: "big.npy",
    bytes,
    byteLength,
    packedByteLength: bytes.length + holeByteLength,
    ...lie,
  };
  const holeStart = latin1.decode(zipFile([first])).indexOf("PK\u0001\u0002");
  const moved = others.map((part) => ({ ...part, headerOffset: holeStart + holeByteLength }));
  const archive = zipFile([first, ...moved], { isZip64: true });
  const tail = archive.slice(holeStart);
  const recordAt = latin1.decode(tail).indexOf("PK\u0006\u0006");
  const view = new DataView(tail.buffer);
  for (const at of [recordAt + 48, recordAt + 56 + 8]) {
    view.setBigUint64(at, view.getBigUint64(at, true) + BigInt(holeByteLength), true); // the directory, its record
  }
  await writeFile(path, archive.subarray(0, holeStart));
  await truncate(path, holeStart + holeByteLength);
  await using handle = await open(path, "r+");
  await handle.write(tail, 0, tail.length, holeStart + holeByteLength);
}

test("an array behind 5 GB of others is read within some megabytes", async () => {
  const rows = 5 * 2 ** 28;
  const path = join(folder, "sparse.npz");
  const big = { rows, holeByteLength: 4 * rows, method: 0 };
  await writeSparse(path, big, [{ name: "small.npy", bytes: steps, method: 0 }]);
  const before = process.memoryUsage().arrayBuffers;
  await using reader = await openNpz(path);
  expect(reader.tensors.get("big")).toEqual({ name: "big", dtype: "F32", shape: [rows], byteLength: 4 * rows });
  expect([...(await reader.read("small")).values]).toEqual([7]);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 23);
});

test("an array that no memory holds is refused before it is unpacked", async () => {
  const path = join(folder, "huge.npz");
  await writeSparse(path, { rows: 2 ** 40, holeByteLength: 2 ** 42, method: 0 }, []);
  const found = await errorOf(path, "big");
  expect(found.message).toMatch(/are more than the memory holds/);
  expect(found).toMatchObject({ file: path, tensor: "big" });
});

/** An archive of one array, with these lies about it. */
const lying = (lie: Partial<ZipPart>, end: ZipEnd = {}): Uint8Array =>
  zipFile([{ name: "w.npy", bytes: weight, ...lie }], end);

test.each<[string, Uint8Array, RegExp]>([
  ["nothing", new Uint8Array(0), /no zip archive ends here/],
  ["other bytes", new Uint8Array(500), /no zip archive ends here/],
  ["an archive that is cut", zipFile(parts).subarray(0, -1), /no zip archive ends here/],
  ["an archive with bytes behind it", Uint8Array.from([...zipFile(parts), 0]), /no zip archive ends here/],
  ["an archive with bytes before it", Uint8Array.from([0, ...zipFile(parts)]), /does not end at byte/],
  ["fewer entries than it says", zipFile(parts, { count: 4 }), /holds 3 entries, its end record says 4/],
  ["more entries than it says", zipFile(parts, { count: 2 }), /holds 3 entries, its end record says 2/],
  ["a part of a split archive", zipFile(parts, { countHere: 2 }), /split archive/],
  ["a directory elsewhere", zipFile(parts, { start: 5 }), /does not end at byte/],
  ["a directory without end", zipFile(parts, { byteLength: 2 ** 31 }), /does not end at byte/],
  ["a zip64 directory elsewhere", zipFile(parts, { start: 5, isZip64: true }), /does not end at byte/],
  ["2^53 zip64 entries", zipFile(parts, { count: 2 ** 53, isZip64: true }), /at most 50000 entries/],
  ["an encrypted entry", lying({ flags: 0x801 }), /"w.npy" is encrypted/],
  ["a strongly encrypted entry", lying({ flags: 0x841 }), /is encrypted/],
  ["an entry that is encrypted on the sly", lying({ localFlags: 0x801 }), /another header than the directory says/],
  ["an entry packed by bzip2", lying({ method: 12, packed: weight }), /"w.npy" is packed by method 12/],
  ["an entry under another name", lying({ localName: "v.npy" }), /another header than the directory says/],
  ["an entry packed in two ways", lying({ localMethod: 0 }), /another header than the directory says/],
  [
    "an entry that is no header",
    lying({ headerOffset: 3 }),
    /another header than the directory says|leaves the archive/,
  ],
  ["an entry beyond the directory", lying({ headerOffset: 4000 }), /leaves the archive/],
  ["an entry that ends beyond the directory", lying({ packedByteLength: 5000 }), /leaves the archive/],
  ["an entry of 2^60 bytes", lying({ packedByteLength: 2 ** 60 }, { isZip64: true }), /sizes that/],
  ["a stored entry of another size", lying({ method: 0, byteLength: 153 }), /cannot have 153 bytes in 152/],
  ["a stored entry of less than its size", lying({ method: 0, byteLength: 151 }), /cannot have 151 bytes in 152/],
  ["a tiny entry of many gigabytes", lying({ byteLength: 2 ** 32 - 2 }), /cannot have 4294967294 bytes in/],
  ["an entry that is no array", lying({ name: "data.pkl" }), /holds .npy files only, got "data.pkl".*PyTorch/],
  ["an entry without name", lying({ name: ".npy" }), /holds .npy files only/],
  ["a name that is no text", badName(), /must be UTF-8/],
  ["a name twice", zipFile([parts[0], parts[0]]), /two arrays have this name/],
  [
    "entries that share their bytes",
    zipFile([parts[0], { ...parts[0], name: "w.npy", headerOffset: 0 }]),
    /another header/,
  ],
  ["an entry within another", nested(), /"inner.npy" overlaps the entry before it/],
  ["an array that is no .npy file", lying({ bytes: new Uint8Array(200) }), /w.npy, byte 0: an .npy file starts with/],
  ["an array of three bytes", lying({ bytes: weight.subarray(0, 3) }), /w.npy, byte 0: an .npy file starts with/],
  ["an array that is too short", lying({ bytes: weight.subarray(0, -1) }), /F32 \[2, 3\] takes 24 bytes, got 23/],
  ["a header that is cut", lying({ bytes: weight.subarray(0, 50) }), /claims 118 bytes, but at most 40/],
  ["an array of objects", lying({ bytes: objects() }), /element type "\|O" cannot be read/],
  ["an array that unpacks to nothing", lying({ packed: Uint8Array.of(3, 0) }), /unpacks to 0 of 152 bytes/],
])("%s is refused", async (_, bytes, message) => {
  const found = await errorOf(bytes);
  expect(found.message).toMatch(message);
  expect(found.file).toBe("<bytes>");
  expect(found.offset).toBeGreaterThanOrEqual(0);
  expect(found.offset).toBeLessThanOrEqual(bytes.length);
});

function badName(): Uint8Array {
  return lying({}).map((byte) => (byte === "w".charCodeAt(0) ? 0xff : byte));
}

/** A stored entry that holds a whole entry, which the directory names, too. */
function nested(): Uint8Array {
  const inner = zipFile([{ name: "inner.npy", bytes: steps, method: 0 }]);
  const local = inner.slice(0, 30 + 9 + steps.length);
  const outer = { name: "outer.npy", bytes: local, method: 0 };
  return zipFile([outer, { name: "inner.npy", bytes: steps, method: 0, headerOffset: 30 + 9 }]);
}

function objects(): Uint8Array {
  const text = latin1.decode(weight).replace("<f4", "|O ").replace("'|O '", "'|O' ");
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

const other = weight.map((byte, i) => (i === 130 ? byte ^ 1 : byte));

test.each<[string, Partial<ZipPart>, RegExp]>([
  ["a wrong check sum", { crc32: 5 }, /"w.npy" does not have its check sum/],
  ["another byte, stored", { bytes: weight, packed: other, method: 0 }, /does not have its check sum/],
  ["another byte, deflated", { packed: deflateRawSync(other) }, /does not have its check sum/],
  ["too many bytes", { packed: deflateRawSync(Uint8Array.from([...weight, 0])) }, /unpacks to more than 152 bytes/],
  ["a bomb", { packed: deflateRawSync(new Uint8Array([...weight, ...new Uint8Array(5e6)])) }, /more than 152 bytes/],
  ["too few bytes", { packed: deflateRawSync(weight.subarray(0, 140)) }, /unpacks to 140 of 152 bytes/],
  ["a stream that breaks off", { packed: deflateRawSync(weight).subarray(0, -8) }, /cannot be unpacked \(/],
])("an array of %s is refused when it is read", async (_, lie, message) => {
  const bytes = lying(lie);
  const found = await errorOf(bytes, "w");
  expect(found.message).toMatch(message);
  expect(found).toMatchObject({ file: "<bytes>", tensor: "w", offset: 35 });
});

test("what cannot be opened says why", async () => {
  await expect(openNpz(join(folder, "absent.npz"))).rejects.toThrow(/there is no such file/);
  await expect(openNpz(42 as unknown as ByteSource)).rejects.toThrow(UnsupportedError);
});
