/** Every example, run as a user runs it, on a few samples. */
import { execFile } from "node:child_process";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { saveModel } from "../src/index.ts";
import { BitLinear } from "../src/nn/index.ts";
import { writeSmallData } from "./support/small-data.ts";

interface Run {
  /** Arguments that make it short, for a data directory. */
  args: (data: string) => readonly string[];
  /** What a reader must find in its output. */
  says: readonly RegExp[];
  /** Whether it has nothing to do without that directory. */
  needsData: boolean;
}

const runs: Readonly<Record<string, Run>> = {
  "character-model.ts": {
    args: (data) => ["--epochs", "1", "--length", "20", "--prompt", "a rose", "--data", data],
    says: [/loss \d\.\d{3}/, /Packed into \d+ bytes/, /^a rose.{20}/ms, /characters a second on "\w+"/],
    needsData: true,
  },
  "distill-mnist.ts": {
    args: (data) => ["--samples", "128", "--epochs", "1", "--quantizer", "optimal", "--data", data],
    says: [
      /by the quantizer optimal/,
      /^ {2}ternary, converted +\d+\.\d\d % +-?\d+\.\d\d$/m,
      /^ {2}ternary, distilled +\d+\.\d\d %/m,
      /^outputs that differ +0 of 2000,/m,
    ],
    needsData: true,
  },
  "distill-transformer.ts": {
    args: (data) => ["--epochs", "1", "--data", data],
    says: [/2\.attention\.query, /, /ternary, only converted +\d/, /ternary, distilled +\d/],
    needsData: true,
  },
  "keyword-spotting.ts": {
    args: (data) => ["--epochs", "1", "--data", data],
    says: [/Training on 40 recordings, measured on 50 others/, /^test accuracy +\d+\.\d\d % of 50 recordings$/m],
    needsData: true,
  },
  "mnist-cnn.ts": {
    args: (data) => ["--samples", "128", "--data", data, "--out", join(data, "cnn.safetensors")],
    says: [
      /Training on 128 images/,
      /^test accuracy +\d+\.\d\d %$/m,
      /^outputs that differ +0 of 2000$/m,
      /^saved to /m,
    ],
    needsData: true,
  },
  "mnist-mlp.ts": {
    args: (data) => ["--samples", "128", "--epochs", "1", "--compare", "--quantizer", "twn", "--data", data],
    says: [/quantizer twn/, /^test accuracy, float +\d+\.\d\d %$/m, /^outputs that differ +0 of 2000,/m],
    needsData: true,
  },
  "sparsity.ts": {
    args: (data) => ["--epochs", "1", "--data", data],
    says: [/^twn, per-channel( +\d+\.\d %){4}( +\d\.\d\d){3}( +\d+\.\d %){2}$/m],
    needsData: false,
  },
  "xor.ts": {
    args: () => [],
    says: [
      /false xor true = true\n {2}true xor false = true\n {2}true xor true = false\nSame bits as in training: yes/,
    ],
    needsData: false,
  },
};

const repository = fileURLToPath(new URL("..", import.meta.url));
let data: string;

beforeAll(async () => {
  data = await writeSmallData();
});
afterAll(() => rm(data, { recursive: true, force: true }));

test("every example is run here", async () => {
  expect(Object.keys(runs)).toEqual((await readdir(join(repository, "examples"))).sort());
});

test.each(Object.entries(runs))("%s does what it says", async (name, { args, says }) => {
  const { exitCode, output } = await runExample(name, args(data));
  expect(exitCode, output).toBe(0);
  for (const pattern of says) expect(output).toMatch(pattern);
});

test.each(Object.keys(runs).filter((name) => runs[name].needsData))("%s asks for data in one line", async (name) => {
  const { exitCode, output } = await runExample(name, []);
  expect(exitCode).toBe(1);
  expect(output.trim().split("\n").at(-1)).toMatch(/^UsageError: no data directory: .*BITLINEAR_DATA$/);
});

test("the distillation example has drawn digits of its own", async () => {
  const { exitCode, output } = await runExample("distill-mnist.ts", ["--quick"]);
  expect(exitCode, output).toBe(0);
  expect(output).toMatch(/learns synthetic digits/);
  expect(output).toMatch(/^outputs that differ +0 of 5000,/m);
});

test("the sparsity example reads a saved model", async () => {
  const file = join(data, "layer.safetensors");
  await saveModel(await new BitLinear(7, 3).deploy(), file);
  const { output } = await runExample("sparsity.ts", ["--model", file]);
  expect(output).toMatch(/ternary-linear .*weight \[3, 7\]/);
});

async function runExample(name: string, args: readonly string[]): Promise<{ exitCode: number; output: string }> {
  const command = ["--import", "tsx", join("examples", name), ...args];
  const environment = { ...process.env, BITLINEAR_DATA: "" };
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, command, {
      cwd: repository,
      env: environment,
    });
    return { exitCode: 0, output: stderr + stdout };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { exitCode: code, output: stdout + stderr };
  }
}
