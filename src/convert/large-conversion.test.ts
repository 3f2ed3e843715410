/** A conversion takes little memory, however large the file. */
import { mkdtemp, open, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { outputOf } from "../../test/support/programs.ts";

const COLUMNS = 4096;
const FLOAT_BYTES = 4;
const MEGABYTE = 1e6;
const loader = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-large-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** A file of zeros that takes no room on the disk. */
async function sparseFile(name: string, layers: Readonly<Record<string, number>>): Promise<string> {
  const path = join(folder, name);
  const entries: Record<string, unknown> = {};
  let end = 0;
  for (const [layer, rows] of Object.entries(layers)) {
    const begin = end;
    end += rows * COLUMNS * FLOAT_BYTES;
    entries[layer] = { dtype: "F32", shape: [rows, COLUMNS], data_offsets: [begin, end] };
  }
  const header = new TextEncoder().encode(JSON.stringify(entries));
  await using file = await open(path, "w");
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);
  await file.writev([length, header]);
  await file.truncate(8 + header.length + end);
  return path;
}

/** Megabytes that a process takes at most which converts a file, or plans it. */
async function peakOf(path: string, planOnly = false): Promise<number> {
  const module = (name: string) => JSON.stringify(pathToFileURL(join(import.meta.dirname, name)).href);
  const program = `
    const { convertFile } = await import(${module("convert-file.ts")});
    const { prepareConversion } = await import(${module("prepare-conversion.ts")});
    const path = ${JSON.stringify(path)};
    if (${planOnly}) await (await prepareConversion(path, undefined, { curves: true }))[Symbol.asyncDispose]();
    else await convertFile(path, path.replace("float", "ternary"));
    console.log(process.resourceUsage().maxRSS * 1024 / 1e6);`;
  return Number(await outputOf(process.execPath, ["--import", loader, "--input-type=module", "--eval", program]));
}

test("a tensor of 134 MB takes little more than one of 34 MB", async () => {
  const [small, large] = [
    await peakOf(await sparseFile("float-small.safetensors", { "w.weight": 2048 })),
    await peakOf(await sparseFile("float-large.safetensors", { "w.weight": 8192 })),
  ];
  expect(large - small).toBeLessThan(60); // the packed planes and garbage, never the 101 MB that the tensor is larger
}, 120_000);

test("a file of 4.3 GB is planned and measured within 400 MB", async () => {
  const layers = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`blocks.${i}.weight`, 16_384]));
  const path = await sparseFile("float-huge.safetensors", layers);
  expect(16 * 16_384 * COLUMNS * FLOAT_BYTES).toBeGreaterThan(4000 * MEGABYTE);
  expect(await peakOf(path, true)).toBeLessThan(400);
}, 120_000);
