import fs, { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { FileError, UnsupportedError } from "../core/errors.ts";
import { openDirectRanges, openRanges } from "./ranges.ts";
import type { ByteSource } from "./source.ts";

const content = Uint8Array.from({ length: 300 }, (_, i) => (i * 7) % 256);
let folder: string;
let path: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-ranges-"));
  path = join(folder, "model.bin");
  await writeFile(path, content);
});

afterEach(() => vi.restoreAllMocks());

afterAll(() => rm(folder, { recursive: true }));

const sources: [string, () => ByteSource, string | undefined][] = [
  ["a path", () => path, undefined],
  ["a file URL", () => pathToFileURL(path), undefined],
  ["the text of a file URL", () => pathToFileURL(path).href, undefined],
  ["a blob", () => new Blob([content]), "<blob>"],
  ["a File", () => new File([content], "model.bin"), "model.bin"],
  ["a Uint8Array", () => content, "<bytes>"],
  ["an ArrayBuffer", () => content.buffer, "<bytes>"],
];

test.each(sources)("%s gives each of its parts", async (_, source, name) => {
  await using ranges = await openRanges(source());
  await using direct = await openDirectRanges(source());
  expect(ranges).toMatchObject({ file: name ?? path, byteLength: 300 });
  expect(direct).toMatchObject({ file: name ?? path, byteLength: 300 });
  const part = fc.tuple(fc.nat(300), fc.nat(300)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)]);
  await fc.assert(
    fc.asyncProperty(part, async ([begin, end]) => {
      expect(new Uint8Array(await ranges.read(begin, end - begin))).toEqual(content.slice(begin, end));
      const target = new Uint8Array(end - begin);
      direct.readInto(begin, target);
      expect(target).toEqual(content.slice(begin, end));
    }),
    { numRuns: 40 },
  );
});

test.each(sources)("%s has nothing beyond its end, read at once", async (_, source) => {
  await using ranges = await openDirectRanges(source());
  for (const offset of [299, -1, 0.5, Number.NaN]) {
    expect(() => ranges.readInto(offset, new Uint8Array(2))).toThrow(FileError);
  }
});

test("a file that became shorter, or was closed, cannot be read at once", async () => {
  const shorter = join(folder, "shorter.bin");
  await writeFile(shorter, content);
  const ranges = await openDirectRanges(shorter);
  await truncate(shorter, 10);
  expect(() => ranges.readInto(5, new Uint8Array(10))).toThrow("became shorter");
  await ranges[Symbol.asyncDispose]();
  expect(() => ranges.readInto(0, new Uint8Array(1))).toThrow(FileError);
});

test("nothing is opened once the signal is aborted", async () => {
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(openDirectRanges(path, { signal })).rejects.toThrow("enough");
  await expect(openDirectRanges(new Blob([content]), { signal })).rejects.toThrow("enough");
});

test.each(sources)("%s has nothing beyond its end", async (_, source) => {
  await using ranges = await openRanges(source());
  for (const [offset, byteLength] of [
    [300, 1],
    [0, 301],
    [301, 0],
    [-1, 2],
    [0, -1],
    [2 ** 53, 1],
    [1, 2 ** 53 - 1],
    [0.5, 1],
    [0, Number.NaN],
  ]) {
    await expect(ranges.read(offset, byteLength)).rejects.toThrow(FileError);
    await expect(ranges.read(offset, byteLength)).rejects.toThrow(/are not within its 300 bytes/);
  }
  expect((await ranges.read(300, 0)).length).toBe(0);
});

test("what a server holds is fetched", async () => {
  const server = createServer((_, response) => response.end(content));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await using ranges = await openRanges(`http://127.0.0.1:${port}/model.bin`);
  expect(await ranges.read(5, 3)).toEqual(content.slice(5, 8));
  server.closeAllConnections();
  server.close();
});

test("many reads at once each get their own bytes", async () => {
  await using ranges = await openRanges(path);
  const parts = await Promise.all(Array.from({ length: 100 }, (_, i) => ranges.read(i, 200)));
  for (const [i, part] of parts.entries()) expect(part).toEqual(content.slice(i, i + 200));
});

test("bytes in memory are not copied", async () => {
  await using ranges = await openRanges(content);
  expect((await ranges.read(3, 5)).buffer).toBe(content.buffer);
});

test("a file that is read in small pieces by the system is put together", async () => {
  const realOpen = fs.open;
  vi.spyOn(fs, "open").mockImplementationOnce(async (...parameters) => {
    const handle = await realOpen(...parameters);
    const read = handle.read.bind(handle) as (...args: unknown[]) => Promise<never>;
    vi.spyOn(handle, "read").mockImplementation(((bytes: Uint8Array, at: number, length: number, position: number) =>
      read(bytes, at, Math.min(7, length), position)) as never);
    return handle;
  });
  await using ranges = await openRanges(path);
  expect(await ranges.read(10, 200)).toEqual(content.slice(10, 210));
});

test("a file that became shorter is refused", async () => {
  const shrinking = join(folder, "shrinking.bin");
  await writeFile(shrinking, content);
  await using ranges = await openRanges(shrinking);
  await truncate(shrinking, 100);
  expect(await ranges.read(0, 100)).toEqual(content.slice(0, 100));
  await expect(ranges.read(50, 200)).rejects.toThrow(/byte 100: expected 300 bytes: the file became shorter/);
});

test("a file that was closed says so", async () => {
  const ranges = await openRanges(path);
  await ranges[Symbol.asyncDispose]();
  await expect(ranges.read(0, 1)).rejects.toThrow(FileError);
  await expect(ranges.read(0, 1)).rejects.toThrow(/closed already/);
});

test("more bytes at once than an array can have are a FileError", async () => {
  const sparse = join(folder, "sparse.bin");
  await writeFile(sparse, "");
  await truncate(sparse, 2 ** 43); // no bytes are stored
  await using ranges = await openRanges(sparse);
  await expect(ranges.read(0, 2 ** 43)).rejects.toThrow(FileError);
  expect(await ranges.read(2 ** 43 - 2, 2)).toEqual(new Uint8Array(2));
});

test("a file that fails while it is opened is closed", async () => {
  const realOpen = fs.open;
  const closed: string[] = [];
  vi.spyOn(fs, "open").mockImplementationOnce(async (...parameters) => {
    const handle = await realOpen(...parameters);
    vi.spyOn(handle, "stat").mockRejectedValueOnce(new Error("the cable was pulled"));
    const close = handle.close.bind(handle);
    vi.spyOn(handle, "close").mockImplementation(() => {
      closed.push("closed");
      return close();
    });
    return handle;
  });
  await expect(openRanges(path)).rejects.toThrow(/cannot be read: the cable/);
  expect(closed).toEqual(["closed"]);
});

test("what cannot be opened says why", async () => {
  await expect(openRanges(join(folder, "absent"))).rejects.toThrow(/there is no such file/);
  for (const device of [folder, "/dev/null"]) await expect(openRanges(device)).rejects.toThrow(/no regular file/);
  await expect(openRanges(42 as unknown as ByteSource)).rejects.toThrow(UnsupportedError);
  await expect(openRanges(new URL("ftp://host/model"))).rejects.toThrow(UnsupportedError);
});
