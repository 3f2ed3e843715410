/** The benches run and say what they should; how fast or good anything is, is no matter for a test. */
import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { benchCases } from "../bench/cases/index.ts";
import { readMachine } from "../bench/machine.ts";
import { type BenchRecord, formatRecords, medianOf, recordOf } from "../bench/record.ts";
import { writeSmallData } from "./support/small-data.ts";

const repository = fileURLToPath(new URL("..", import.meta.url));
const run = (...args: string[]) =>
  promisify(execFile)(process.execPath, ["--import", "tsx", "bench/main.ts", ...args], { cwd: repository });

let data: string;

beforeAll(async () => {
  data = await writeSmallData();
});
afterAll(() => rm(data, { recursive: true, force: true }));

test("a short run of all benches gives complete records", async () => {
  const { stdout } = await run("all", "--quick", "--json", "--seeds", "1", "--data", data);
  const records: BenchRecord[] = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(new Set(records.map(({ bench }) => bench))).toEqual(new Set(benchCases.map(({ id }) => id)));
  expect(new Set(records.map(({ bench, name }) => `${bench} ${name}`)).size).toBe(records.length);
  const machine = await readMachine();
  for (const record of records) {
    expect(record).toMatchObject({ isQuick: true, cpu: machine.cpu, cores: machine.cores, node: process.version });
    expect(record.samples.length, record.name).toBeGreaterThan(0);
    for (const sample of record.samples) expect(Number.isFinite(sample), record.name).toBe(true);
    expect(record.unit).not.toBe("");
  }
});

test("without a name the benches are listed", async () => {
  const { stdout } = await run();
  for (const { id, summary } of benchCases) expect(stdout).toContain(`${id.padEnd(16)} ${summary}`);
});

test.each([
  [["unknown"], /there is no bench unknown; choose from: all, training/],
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
  expect(medianOf([3, 1, 2])).toBe(2);
  expect(medianOf([])).toBeNaN();
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
