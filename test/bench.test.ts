/** The benches run and say what they should; how fast or good anything is, is no matter for a test. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { benchCases } from "../bench/cases/index.ts";
import { readMachine } from "../bench/machine.ts";
import { type BenchRecord, formatRecords, recordOf } from "../bench/record.ts";
import { openBackend } from "../src/backends/index.ts";
import type { KernelRecord } from "../src/cli/bench/kernel-record.ts";
import { parseMarkup } from "./support/parse-markup.ts";
import { writeSmallData } from "./support/small-data.ts";

const repository = fileURLToPath(new URL("..", import.meta.url));
const run = (...args: string[]) =>
  promisify(execFile)(process.execPath, ["--import", "tsx", "bench/main.ts", ...args], { cwd: repository });

let data: string;

beforeAll(async () => {
  data = await writeSmallData();
});
afterAll(() => rm(data, { recursive: true, force: true }));

test("a short run of the benches gives complete records", async () => {
  const names = benchCases.map(({ id }) => id).filter((id) => id !== "kernels"); // below, alone
  const { stdout } = await run(...names, "--quick", "--json", "--seeds", "1", "--data", data);
  const records = jsonLines(stdout) as BenchRecord[];
  expect(new Set(records.map(({ bench }) => bench))).toEqual(new Set(names));
  await expectComplete(records);
});

test("a short run of the kernels ends with ceilings and records, and writes them where asked", {
  timeout: 400_000,
}, async () => {
  const out = join(data, "results");
  const { stdout } = await run("kernels", "--quick", "--shapes", "1024x1024", "--json", "--out", out);
  const lines = jsonLines(stdout);
  const { ceilings, records, absent } = lines.pop() as unknown as KernelLine;
  await expectComplete(lines as BenchRecord[]);
  expect(absent.every((reason) => /\w+: \w/.test(reason))).toBe(true);
  const { kernels } = await openBackend();
  for (const kernel of kernels) expect(records.map((record) => record.kernel)).toContain(kernel);
  for (const record of records) {
    const { m, n, k, threads, mode, microseconds, gops, packedGBps, shareOfCeiling, byteLength } = record;
    expect(gops).toBeCloseTo((2 * m * n * k) / microseconds / 1000, 6);
    expect(packedGBps).toBeCloseTo(byteLength / microseconds / 1000, 6);
    const ceiling = ceilings.find((each) => each.threads === threads);
    const isFromMemory = m === 1 && mode === "cold";
    const most = isFromMemory ? ceiling?.dramReadGBps : ceiling?.int8DotGops;
    if (typeof most !== "number") expect(shareOfCeiling).toBeNull();
    else expect(shareOfCeiling).toBeCloseTo((isFromMemory ? packedGBps : gops) / most, 6);
  }
  const kept = jsonLines(await readFile(join(out, "kernels.jsonl"), "utf8"));
  expect(kept[0]).toMatchObject({ ceilings, isQuick: true });
  expect(kept).toHaveLength(1 + records.length);
  for (const [i, record] of records.entries()) expect(kept[i + 1]).toMatchObject(record);
  for (const file of ["kernels.html", "latency.svg", "memory.svg"]) {
    expect(() => parseMarkup(readFileSync(join(out, file), "utf8"))).not.toThrow();
  }
});

/** The last line of the kernels. */
interface KernelLine {
  readonly ceilings: readonly { threads: number; dramReadGBps: number | null; int8DotGops: number | null }[];
  readonly records: readonly KernelRecord[];
  readonly absent: readonly string[];
}

function jsonLines(text: string): unknown[] {
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

async function expectComplete(records: readonly BenchRecord[]): Promise<void> {
  expect(new Set(records.map(({ bench, name }) => `${bench} ${name}`)).size).toBe(records.length);
  const machine = await readMachine();
  for (const record of records) {
    expect(record).toMatchObject({ isQuick: true, cpu: machine.cpu, cores: machine.cores, node: process.version });
    expect(record.samples.length, record.name).toBeGreaterThan(0);
    for (const sample of record.samples) expect(Number.isFinite(sample), record.name).toBe(true);
    expect(record.unit).not.toBe("");
  }
}

test("without a name the benches are listed", async () => {
  const { stdout } = await run();
  for (const { id, summary } of benchCases) expect(stdout).toContain(`${id.padEnd(16)} ${summary}`);
});

test.each([
  [["unknown"], /there is no bench unknown; choose from: all, training/],
  [["kernels", "--shapes", "64x64"], /--shapes needs out x in, such as 4096x4096, of \d+ weights at least, got 64x64/],
  [["training", "--slow"], /Unknown option '--slow'.*; npm run bench lists the options/],
])("%j is a wrong use", async (args, message) => {
  const failure = await run(...args).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 2, stderr: expect.stringMatching(message) });
});

test("a record knows its median, its spread and whether the target is reached", async () => {
  const machine = await readMachine();
  const recordFor = (target: { atMost: number } | { atLeast: number }) =>
    recordOf("training", false, { name: "epoch", unit: "s", samples: [4, 1, 3, 2], target }, machine);
  expect(recordFor({ atMost: 2.5 })).toMatchObject({ median: 2.5, spread: [1, 4], isReached: true });
  expect(recordFor({ atMost: 2.4 })).toMatchObject({ isReached: false });
  expect(recordFor({ atLeast: 2.5 })).toMatchObject({ isReached: true });
  expect(recordFor({ atLeast: 2.6 })).toMatchObject({ isReached: false });
});

test("the table shows figures with four digits, and whole numbers in full", async () => {
  const machine = await readMachine();
  const record = recordOf("deployment", false, { name: "file", unit: "bytes", samples: [52488] }, machine);
  const timed = { name: "load", unit: "ms", samples: [1.23456, 0.5], target: { atMost: 1 } };
  const [, , first, second] = formatRecords([record, recordOf("deployment", false, timed, machine)]).split("\n");
  expect(first.split(/ {2,}/)).toEqual(["deployment", "file", "52,488", "bytes", "1"]);
  expect(second.split(/ {2,}/)).toEqual([
    "deployment",
    "load",
    "0.8673",
    "ms",
    "0.5",
    "1.235",
    "2",
    "at most 1",
    "reached",
  ]);
});
