import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { UsageError } from "../core/errors.ts";
import { DATA_VARIABLE, findInDirectory, resolveDataDirectory } from "./data-directory.ts";

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "bitlinear-data-"));
  await mkdir(join(directory, "folder"));
  await writeFile(join(directory, "folder", "five.bin"), Uint8Array.of(1, 2, 3, 4, 5));
});
afterAll(() => rm(directory, { recursive: true }));
afterEach(() => vi.unstubAllEnvs());

test("the option goes before the environment", () => {
  vi.stubEnv(DATA_VARIABLE, "from/environment");
  expect(resolveDataDirectory("from/option")).toBe("from/option");
  expect(resolveDataDirectory()).toBe("from/environment");
});

test.each([undefined, ""])("without either (%o), the error names both", (value) => {
  vi.stubEnv(DATA_VARIABLE, value);
  expect(() => resolveDataDirectory(value)).toThrow(UsageError);
  expect(() => resolveDataDirectory(value)).toThrow(/--data DIR .* BITLINEAR_DATA/);
});

test("outside Node, where there is no process, the option still counts", () => {
  vi.stubGlobal("process", undefined);
  try {
    expect(resolveDataDirectory("from/option")).toBe("from/option");
    expect(() => resolveDataDirectory()).toThrow(UsageError);
  } finally {
    vi.unstubAllGlobals();
  }
});

test("the first candidate that exists is found", async () => {
  expect(await findInDirectory(directory, ["none", "folder/five.bin", "folder"])).toBe(
    join(directory, "folder/five.bin"),
  );
  expect(await findInDirectory(directory, ["folder/five.bin/below", "none"])).toBeNull();
});

test("a data directory that is absent or a file is an error", async () => {
  await expect(findInDirectory(join(directory, "none"), ["x"])).rejects.toThrow(
    /none: the data directory cannot be read/,
  );
  await expect(findInDirectory(join(directory, "folder/five.bin"), ["x"])).rejects.toThrow(/expected a directory/);
});
