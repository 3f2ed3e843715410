import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FileError, UsageError } from "../core/errors.ts";
import { checkTargets } from "./target-files.ts";

let folder: string;
const at = (path: string): string => join(folder, path);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-targets-"));
  await mkdir(at("data"));
  for (const name of ["data/a.wav", "data/model.safetensors", "data.txt"]) await writeFile(at(name), name);
  await symlink(at("data"), at("linked"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test.each([
  { target: "data.txt", input: "data.txt" },
  { target: "data/../data.txt", input: "data.txt" },
  { target: "linked/a.wav", input: "data/a.wav" },
  { target: "linked/absent", input: "data/absent" },
  { target: "linked/a.wav", input: "data" },
])("$target would destroy $input", async ({ target, input }) => {
  const checked = checkTargets({ "--out": at(target) }, { "--data": at(input) });
  await expect(checked).rejects.toThrow(UsageError);
  await expect(checked).rejects.toThrow(/--out .* --data/);
});

test.each([
  { target: "data.text", input: "data" },
  { target: "data.txt", input: "data" },
  { target: "data/model.safetensors", input: "data" },
  { target: "data/new.wav", input: "data" },
  { target: "data.txt", input: undefined },
])("$target leaves $input as it is", async ({ target, input }) => {
  await checkTargets({ "--out": at(target) }, { "--data": input && at(input) });
});

test("two targets are two files, in folders that are there", async () => {
  const twins = checkTargets({ "--out": at("data/x"), "--report": at("linked/x") });
  await expect(twins).rejects.toThrow(/--out and --report are both .*: they must be different files/);
  await expect(checkTargets({ "--out": at("absent/x") })).rejects.toThrow(FileError);
});
