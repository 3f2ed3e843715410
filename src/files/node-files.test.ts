import fs, { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FileError, UnsupportedError } from "../core/errors.ts";
import { readFileBytes, writeFileAtomic } from "./node-files.ts";

const content = Uint8Array.of(1, 2, 3);
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-files-"));
});

afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

test("a file is written, replaced and read", async () => {
  const path = join(folder, "model.bin");
  await writeFileAtomic(path, new Uint8Array(100));
  await writeFileAtomic(path, content);
  expect(await readFileBytes(path)).toEqual(content);
  await writeFileAtomic(path, new Uint8Array(0));
  expect(await readFileBytes(path)).toEqual(new Uint8Array(0));
  expect(await readdir(folder)).toEqual(["model.bin"]);
});

test("a part of a larger memory is written alone", async () => {
  const path = join(folder, "model.bin");
  await writeFileAtomic(path, Uint8Array.of(9, 1, 2, 3, 9).subarray(1, 4));
  expect(await readFileBytes(path)).toEqual(content);
});

test("many writers at once leave one whole file", async () => {
  const path = join(folder, "model.bin");
  await Promise.all(Array.from({ length: 20 }, (_, i) => writeFileAtomic(path, new Uint8Array(5000).fill(i))));
  const bytes = await readFileBytes(path);
  expect(bytes.length).toBe(5000);
  expect(new Set(bytes).size).toBe(1);
  expect(await readdir(folder)).toEqual(["model.bin"]);
});

test.each(["open", "rename"] as const)("a failing %s keeps the old file and leaves nothing behind", async (step) => {
  const path = join(folder, "model.bin");
  await writeFileAtomic(path, content);
  const full = Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
  vi.spyOn(fs, step).mockRejectedValueOnce(full);
  const error = await writeFileAtomic(path, new Uint8Array(9)).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(FileError);
  expect(error).toMatchObject({ file: path, cause: full, message: expect.stringContaining("the disk is full") });
  expect(await readdir(folder)).toEqual(["model.bin"]);
  expect(await readFileBytes(path)).toEqual(content);
});

test("a write that fails half-way leaves nothing behind", async () => {
  const realOpen = fs.open;
  vi.spyOn(fs, "open").mockImplementationOnce(async (...parameters) => {
    const handle = await realOpen(...parameters);
    vi.spyOn(handle, "sync").mockRejectedValueOnce(new Error("the cable was pulled"));
    return handle;
  });
  await expect(writeFileAtomic(join(folder, "model.bin"), content)).rejects.toThrow(/cannot be written: the cable/);
  expect(await readdir(folder)).toEqual([]);
});

test("a temporary file that cannot be removed is named", async () => {
  vi.spyOn(fs, "rename").mockRejectedValueOnce(new Error("first"));
  vi.spyOn(fs, "rm").mockRejectedValueOnce(new Error("second"));
  const error = await writeFileAtomic(join(folder, "model.bin"), content).catch((caught: unknown) => caught);
  const [left] = await readdir(folder);
  expect(left).toMatch(/^model\.bin\..*\.tmp$/);
  expect(error).toBeInstanceOf(FileError);
  expect(error).toHaveProperty("message", expect.stringContaining(left));
});

test("a link is followed, and the file behind it replaced", async () => {
  await writeFile(join(folder, "v2.bin"), "old");
  await symlink("v2.bin", join(folder, "latest.bin"));
  await writeFileAtomic(join(folder, "latest.bin"), content);
  expect(new Uint8Array(await readFile(join(folder, "v2.bin")))).toEqual(content);
  expect((await stat(join(folder, "latest.bin"))).size).toBe(3);
  expect((await readdir(folder)).sort()).toEqual(["latest.bin", "v2.bin"]);
});

test("what is no regular file is neither replaced nor read", async () => {
  for (const path of [folder, "/dev/null"]) {
    await expect(writeFileAtomic(path, content)).rejects.toThrow(/no regular file: give another path/);
    await expect(readFileBytes(path)).rejects.toThrow(/no regular file/);
  }
});

test("a missing folder is said", async () => {
  const error = await writeFileAtomic(join(folder, "absent", "a.bin"), content).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(FileError);
  expect(error).toMatchObject({ message: expect.stringContaining("no such folder"), cause: { code: "ENOENT" } });
  await writeFile(join(folder, "plain"), "");
  await expect(readFileBytes(join(folder, "plain", "a.bin"))).rejects.toThrow(/is a file, not a folder/);
});

test("a file that becomes shorter while it is read is refused", async () => {
  const path = join(folder, "model.bin");
  await writeFile(path, content);
  const realOpen = fs.open;
  vi.spyOn(fs, "open").mockImplementationOnce(async (...parameters) => {
    const handle = await realOpen(...parameters);
    const stats = await handle.stat();
    vi.spyOn(handle, "stat").mockResolvedValueOnce(Object.assign(stats, { size: 10 }) as never);
    return handle;
  });
  await expect(readFileBytes(path)).rejects.toThrow(/byte 3: expected 10 bytes: the file became shorter/);
});

test("without a file system the error says what to pass", async () => {
  vi.stubGlobal("process", { versions: {} });
  const writing = Promise.allSettled([writeFileAtomic("model.bin", content)]);
  vi.unstubAllGlobals();
  expect((await writing)[0]).toHaveProperty("reason", expect.any(UnsupportedError));
});
