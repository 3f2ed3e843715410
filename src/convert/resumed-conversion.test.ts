/** A conversion that is stopped goes on where it was, and gives the file of one that never stopped. */
import { mkdtemp, readdir, readFile, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RandomSource } from "../core/random.ts";
import { tensorEntry, writeFileAtomic, writeSafetensors } from "../files/index.ts";
import { type ConversionEvent, type ConvertOptions, convertFile } from "./convert-file.ts";

const names = ["a.weight", "b.weight", "c.weight"];
let folder: string;
let source: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-resumed-"));
  source = join(folder, "float.safetensors");
  const random = new RandomSource(2);
  const weights = () => Float32Array.from({ length: 20 * 30 }, () => random.normal());
  await writeFileAtomic(source, writeSafetensors(names.map((name) => tensorEntry(name, [20, 30], weights()))));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Stops when the tensor of a name begins. */
async function stopAt(tensor: string, out: string, options: ConvertOptions = {}): Promise<void> {
  const controller = new AbortController();
  const reason = new Error("stopped");
  const onProgress = (event: ConversionEvent) => {
    if (event.kind === "step" && event.tensor === tensor) controller.abort(reason);
  };
  const stopped = convertFile(source, out, { ...options, signal: controller.signal, onProgress });
  await expect(stopped).rejects.toBe(reason);
}

test("finished tensors are not made again, and the file is the same", async () => {
  const [whole, out] = [join(folder, "whole.safetensors"), join(folder, "stopped.safetensors")];
  await convertFile(source, whole, { planes: 2 });
  await stopAt("c.weight", out, { planes: 2 });
  expect(await readdir(folder)).not.toContain("stopped.safetensors");
  const steps: string[] = [];
  const onProgress = (event: ConversionEvent) => {
    steps.push(event.kind === "step" ? event.tensor : event.kind);
  };
  const report = await convertFile(source, out, { planes: 2, onProgress });
  expect(report.resumedTensors).toBe(2);
  expect(new Set(steps)).toEqual(new Set(["resumed", "c.weight", "writing", "proving"]));
  expect(report.layers.map(({ weightError }) => typeof weightError)).toEqual(["number", "number", "number"]);
  expect((await readFile(out)).equals(await readFile(whole))).toBe(true);
  expect((await readdir(folder)).filter((name) => name.endsWith(".partial"))).toEqual([]);
});

test.each([
  { what: "plan", change: async () => ({ planes: 1 }) },
  {
    what: "source",
    change: async () => {
      await utimes(source, new Date(), new Date(Date.now() + 10_000));
      return { planes: 2 };
    },
  },
])("what was made for another $what is made again", async ({ what, change }) => {
  const out = join(folder, `other-${what}.safetensors`);
  await stopAt("b.weight", out, { planes: 2 });
  expect((await convertFile(source, out, await change())).resumedTensors).toBe(0);
});

test("a journal whose last line is cut loses that line only", async () => {
  const out = join(folder, "cut.safetensors");
  await stopAt("c.weight", out);
  const journal = join(`${out}.partial`, "journal.jsonl");
  const text = await readFile(journal, "utf8");
  await writeFileAtomic(journal, new TextEncoder().encode(text.slice(0, -20)));
  expect((await convertFile(source, out)).resumedTensors).toBe(1);
});

test("a file that is there stays until the new one is whole", async () => {
  const out = join(folder, "kept.safetensors");
  await convertFile(source, out);
  const before = await readFile(out);
  await stopAt("b.weight", out, { planes: 3 });
  expect((await readFile(out)).equals(before)).toBe(true);
});
