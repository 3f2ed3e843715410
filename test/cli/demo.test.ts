/** The demo on few samples: what it proves, what it prints and what it writes. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { syntheticDigits } from "../../src/datasets/index.ts";
import { idxFile } from "../support/idx-file.ts";
import { parseMarkup } from "../support/parse-markup.ts";
import { jsonLines, runCli } from "../support/run-cli.ts";

const SMALL = ["demo", "--train-samples", "320", "--test-samples", "60", "--epochs", "1"];

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-demo-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test("ends with exactly one line of JSON, and keeps progress beside it", async () => {
  const result = await runCli([...SMALL, "--json", "--report", "json.html"], { cwd: folder });
  expect(result.code).toBe(0);
  const run = { accuracy: expect.any(Number), seconds: expect.any(Number) };
  expect(jsonLines(result)).toEqual([
    {
      ...{ dataset: "digits", float: run, ternary: run },
      deployed: {
        ...{ accuracy: expect.any(Number), bitExact: true, backend: expect.any(String) },
        ...{ bytes: 50_232, floatBytes: 942_120 },
      },
    },
  ]);
  const [{ ternary, deployed }] = jsonLines(result) as Record<string, { accuracy: number }>[];
  expect(deployed.accuracy).toBe(ternary.accuracy);
  expect(result.stderr).toMatch(
    /float32 {2}epoch 1\/1 {2}loss [\d.]+ {2}accuracy [\d.]+% {2}test loss [\d.]+ {2}test accuracy [\d.]+%/,
  );
});

test("shows the curves, the proof and what was gained, and writes the report", async () => {
  const { code, stdout } = await runCli(SMALL, { cwd: folder });
  expect(code).toBe(0);
  expect(stdout).toContain("✓ bit-exact: all 600 test outputs equal those of training in all 32 bits");
  expect(stdout).toMatch(/│[▁▂▃▄▅▆▇█ ]+/);
  expect(stdout).toMatch(/float32 +[\d.]+% +942 kB +1\.0× +[\d.]+ (µs|ms)/);
  expect(stdout).toMatch(/ternary, packed +[\d.]+% +50\.2 kB +18\.8× +[\d.]+ (µs|ms)/);
  expect(stdout).not.toContain("\u001b");
  const report = await readFile(join(folder, "report.html"), "utf8");
  parseMarkup(report);
  for (const part of [
    "Loss",
    "Accuracy",
    "Weights and their trits",
    "Memory",
    "Confusion",
    "Mistakes",
    "✓ Bit-exact",
  ]) {
    expect(report).toContain(part);
  }
  expect(report).toContain(`npx bitlinear ${SMALL.join(" ")}`);
});

test("says how far float activations are off, which promise nothing", async () => {
  const args = [...SMALL, "--quantizer", "lsq", "--activation", "none", "--no-report"];
  const { code, stdout } = await runCli(args, { cwd: folder });
  expect(code).toBe(0);
  expect(stdout).toMatch(/not bit-exact, which float activations do not promise: \d+ of 600 .* largest difference/);
});

test("learns from MNIST files, plain or gzipped", async () => {
  const directory = join(folder, "mnist");
  await mkdir(directory);
  const { train, test: held } = syntheticDigits({ train: 130, test: 40 });
  const bytes = (values: Float32Array) => Uint8Array.from(values, (value) => Math.round(value * 255));
  const file = (name: string, data: Uint8Array) => writeFile(join(directory, name), data);
  await file("train-images-idx3-ubyte", idxFile(bytes(train.inputs), [130, 28, 28]));
  await file("train-labels-idx1-ubyte.gz", gzipSync(idxFile(Uint8Array.from(train.targets), [130])));
  await file("t10k-images-idx3-ubyte.gz", gzipSync(idxFile(bytes(held.inputs), [40, 28, 28])));
  await file("t10k-labels-idx1-ubyte", idxFile(Uint8Array.from(held.targets), [40]));
  const result = await runCli(["demo", "--data", "mnist", "--epochs", "1", "--no-report", "--json"], { cwd: folder });
  expect(result.code).toBe(0);
  expect(jsonLines(result)).toMatchObject([{ dataset: "mnist", deployed: { bitExact: true } }]);
  expect(await readdir(folder)).not.toContain("mnist.html");
});
