import fs, { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FileError, UnsupportedError } from "../core/errors.ts";
import { writeFileStreamed } from "./streamed-file.ts";

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-streamed-"));
  path = join(folder, "model.bin");
});

afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

/** Chunks `[1]`, `[2, 2]`, ... up to `count`, in one memory that is used again and again. */
async function* chunks(count: number): AsyncGenerator<Uint8Array> {
  const memory = new Uint8Array(count);
  for (let length = 1; length <= count; length++) yield memory.fill(length).subarray(0, length);
}

test("chunks follow each other, and their memory may be used again", async () => {
  await writeFileStreamed(path, chunks(5));
  expect([...(await readFile(path))]).toEqual([1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5]);
  await writeFileStreamed(path, [Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(9, 2, 9).subarray(1, 2)]);
  expect([...(await readFile(path))]).toEqual([1, 2]);
  await writeFileStreamed(path, []);
  expect((await readFile(path)).length).toBe(0);
  expect(await readdir(folder)).toEqual(["model.bin"]);
});

test("a large chunk is written before the next is asked for, small ones are written together", async () => {
  const written: number[] = [];
  const realOpen = fs.open;
  vi.spyOn(fs, "open").mockImplementationOnce(async (...parameters) => {
    const handle = await realOpen(...parameters);
    vi.spyOn(handle, "writeFile").mockImplementation(async (bytes) => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (typeof bytes !== "string" && "length" in bytes) written.push(bytes.length);
    });
    return handle;
  });
  const asked: number[] = [];
  async function* sizes(...lengths: number[]): AsyncGenerator<Uint8Array> {
    for (const length of lengths) {
      asked.push(written.reduce((sum, part) => sum + part, 0));
      yield new Uint8Array(length);
    }
  }
  const large = 2 ** 20 + 1;
  await writeFileStreamed(path, sizes(1, 2, large, 3, large, large, 4));
  expect(written.filter((length) => length > 0)).toEqual([3, large, 3, large, large, 4]);
  expect(asked).toEqual([0, 0, 0, large + 3, large + 3, 2 * large + 6, 3 * large + 6]);
});

test("chunks of any size make the file that they are one after the other", async () => {
  const lengths = [0, 1, 2 ** 20 - 1, 2 ** 20, 5, 2 ** 20 + 1, 2 ** 19, 2 ** 19, 1, 0];
  const parts = lengths.map((length, part) => Uint8Array.from({ length }, (_, i) => (i + part) % 251));
  await writeFileStreamed(path, parts);
  expect((await readFile(path)).equals(Buffer.concat(parts))).toBe(true);
});

test("what the chunks throw comes as it is, and the old file stays", async () => {
  await writeFile(path, "old");
  const reason = new DOMException("stopped by the user", "AbortError");
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield* chunks(3);
    throw reason;
  }
  await expect(writeFileStreamed(path, broken())).rejects.toBe(reason);
  expect(await readFile(path, "utf8")).toBe("old");
  expect(await readdir(folder)).toEqual(["model.bin"]);
});

test("a full disk keeps the old file, and ends the chunks", async () => {
  await writeFile(path, "old");
  const full = Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
  const realOpen = fs.open;
  vi.spyOn(fs, "open").mockImplementationOnce(async (...parameters) => {
    const handle = await realOpen(...parameters);
    vi.spyOn(handle, "writeFile").mockRejectedValueOnce(full);
    return handle;
  });
  let isEnded = false;
  async function* watched(): AsyncGenerator<Uint8Array> {
    try {
      yield* chunks(3);
    } finally {
      isEnded = true;
    }
  }
  const error = await writeFileStreamed(path, watched()).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(FileError);
  expect(error).toMatchObject({ file: path, cause: full, message: expect.stringContaining("the disk is full") });
  expect(isEnded).toBe(true);
  expect(await readFile(path, "utf8")).toBe("old");
  expect(await readdir(folder)).toEqual(["model.bin"]);
});

test("what the chunks threw is kept where the temporary file cannot be removed", async () => {
  vi.spyOn(fs, "rm").mockRejectedValueOnce(new Error("second"));
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Uint8Array.of(1);
    throw new Error("first");
  }
  const error = await writeFileStreamed(path, broken()).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(FileError);
  expect(error).toMatchObject({ message: expect.stringMatching(/first; the temporary file .*\.tmp could not/) });
});

test("a link is followed, and what is no regular file is not replaced", async () => {
  await writeFile(path, "old");
  await symlink("model.bin", join(folder, "latest.bin"));
  await writeFileStreamed(join(folder, "latest.bin"), chunks(2));
  expect([...(await readFile(path))]).toEqual([1, 2, 2]);
  for (const other of [folder, "/dev/null"]) {
    await expect(writeFileStreamed(other, chunks(2))).rejects.toThrow(/no regular file: give another path/);
  }
});

test("without a file system the error says what to pass", async () => {
  vi.stubGlobal("process", { versions: {} });
  const writing = Promise.allSettled([writeFileStreamed("model.bin", chunks(1))]);
  vi.unstubAllGlobals();
  expect((await writing)[0]).toHaveProperty("reason", expect.any(UnsupportedError));
});
