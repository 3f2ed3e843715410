/** From data to a saved model, and from there to predictions on every kind of input. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { classesOf } from "../../src/cli/model-metadata.ts";
import { type Dataset, syntheticDigits } from "../../src/datasets/index.ts";
import { npyToFloat32, parseNpy, writeNpy } from "../../src/files/index.ts";
import { Linear, Sequential } from "../../src/nn/index.ts";
import { loadModel, saveModel } from "../../src/runtime/model-file.ts";
import { idxFile } from "../support/idx-file.ts";
import { type CliResult, jsonLines, runCli } from "../support/run-cli.ts";

const SAMPLES = 30;
const TINY = ["--train-samples", "640", "--test-samples", "100", "--epochs", "2"];

let folder: string;
let training: CliResult;
const digits: Dataset = syntheticDigits({ seed: 1, train: 10, test: SAMPLES }).test;
const pixels = Uint8Array.from(digits.inputs, (value) => Math.round(value * 255));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-train-"));
  training = await cli("train", ...TINY, "--report", "report.html", "--json");
  await writeFile(join(folder, "images.npy"), writeNpy(digits.inputs, [SAMPLES, 28, 28]));
  await writeFile(join(folder, "one.npy"), writeNpy(digits.inputs.subarray(0, 784), [28, 28]));
  await writeFile(join(folder, "images.idx"), idxFile(pixels, [SAMPLES, 28, 28]));
  await writeFile(join(folder, "images.idx.gz"), gzipSync(idxFile(pixels, [SAMPLES, 28, 28])));
  await writeFile(join(folder, "labels.idx"), idxFile(Uint8Array.from(digits.targets), [SAMPLES]));
  const rows = Array.from({ length: SAMPLES }, (_, i) => digits.inputs.subarray(i * 784, (i + 1) * 784).join(","));
  await writeFile(join(folder, "images.csv"), `${rows.join("\n")}\n`);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const cli = (...args: string[]): Promise<CliResult> => runCli(args, { cwd: folder });

describe("train", () => {
  test("prints a line of JSON for each epoch and one for the model", () => {
    expect(training.code).toBe(0);
    const [first, second, last, ...rest] = jsonLines(training);
    expect(rest).toEqual([]);
    expect(first).toMatchObject({ epoch: 1, validationAccuracy: expect.any(Number), loss: expect.any(Number) });
    expect(second).toMatchObject({ epoch: 2, loss: expect.any(Number) });
    expect(second.loss).toBeLessThan(Number(first.loss));
    expect(last).toMatchObject({
      model: "model.safetensors",
      report: "report.html",
      accuracy: second.validationAccuracy,
    });
  });

  test("saves the model with its classes, and leaves no checkpoint behind", async () => {
    using model = await loadModel(join(folder, "model.safetensors"));
    expect(classesOf(model.metadata)).toEqual(digits.classes);
    expect(model.metadata).toMatchObject({ preset: "mlp", dataset: "digits", quantizer: "bitnet", seed: "1" });
    expect(model.byteLength).toBe(jsonLines(training).at(-1)?.bytes);
    expect((await readdir(folder)).filter((name) => name.includes("checkpoint"))).toEqual([]);
  });

  test("writes a report that stands alone", async () => {
    const report = await readFile(join(folder, "report.html"), "utf8");
    expect(report).toContain("ternary (bitnet)");
    expect(report).toContain("Bit-exact");
    expect(report).not.toMatch(/src="http|href="http|<script/);
  });

  test("the same seed gives the same file, another seed another one", async () => {
    const [same, other] = [
      await cli("train", ...TINY, "--out", "same.safetensors"),
      await cli("train", ...TINY, "--out", "other.safetensors", "--seed", "2"),
    ];
    expect([same.code, other.code]).toEqual([0, 0]);
    const [expected, equal, different] = await Promise.all(
      ["model", "same", "other"].map((name) => readFile(join(folder, `${name}.safetensors`))),
    );
    expect(equal.equals(expected)).toBe(true);
    expect(different.equals(expected)).toBe(false);
  });

  test("trains the float twin, the convolutions and the transformer", async () => {
    const text = Array.from({ length: 300 }, (_, i) => `line ${i}: the quick brown fox\n`).join("");
    await writeFile(join(folder, "text.txt"), text);
    const small = ["--train-samples", "64", "--test-samples", "10", "--epochs", "1", "--json"];
    const results = [
      await cli("train", "--float", ...small, "--out", "float.safetensors"),
      await cli("train", "--model", "cnn", ...small, "--quantizer", "twn", "--out", "cnn.safetensors"),
      await cli("train", "--model", "transformer-char", "--data", "text.txt", ...small, "--out", "text.safetensors"),
    ];
    expect(results.map(({ code }) => code)).toEqual([0, 0, 0]);
    const [float, cnn] = results.map((result) => jsonLines(result).at(-1) ?? {});
    expect(float.bytes).toBe(float.floatBytes);
    expect(Number(cnn.floatBytes) / Number(cnn.bytes)).toBeGreaterThan(10);
  });
});

test("layers without any weight are not saved without a word", async () => {
  const few = ["--train-samples", "1", "--test-samples", "1", "--epochs", "1", "--out", "zeros.safetensors"];
  const zeros = await cli("train", ...few, "--quantizer", "threshold");
  expect(zeros.code).toBe(0);
  expect(zeros.stdout).toContain("1 sample to learn from, 1 to measure on");
  expect(zeros.stderr).toMatch(/warning: all trits of layers 0, 3, 6 are 0, so .*; try another --quantizer/);
  expect(training.stderr).not.toContain("warning");
});

describe("inspect", () => {
  test("tells layers, shapes, trits and bytes", async () => {
    const text = await cli("inspect", "model.safetensors");
    expect(text).toMatchObject({ code: 0, stderr: "" });
    expect(text.stdout).toMatch(/ternary-linear .* weight \[256, 784\], bias \[256\]/);
    expect(text.stdout).toContain("classes: 0 1 2 3 4 5 6 7 8 9");
    const json = await cli("inspect", "model.safetensors", "--json");
    const [inspection, ...rest] = jsonLines(json);
    expect(rest).toEqual([]);
    expect(inspection).toMatchObject({
      inputShape: [784],
      total: { byteLength: jsonLines(training).at(-1)?.bytes, isExact: true },
      metadata: { preset: "mlp" },
    });
    expect(inspection.nodes).toHaveLength(7);
  });
});

describe("run", () => {
  test("gives the same outputs for .npy, idx, gzipped idx and CSV, and those of the model", async () => {
    using model = await loadModel(join(folder, "model.safetensors"));
    const expected = await model.run(digits.inputs);
    for (const input of ["images.npy", "images.idx", "images.idx.gz", "images.csv"]) {
      const { code, stderr } = await cli("run", "model.safetensors", input, "--output", "outputs.npy", "--json");
      expect({ input, code, stderr }).toEqual({ input, code: 0, stderr: "" });
      const outputs = parseNpy(await readFile(join(folder, "outputs.npy")));
      expect(outputs.shape).toEqual([SAMPLES, 10]);
      expect(npyToFloat32(outputs)).toEqual(expected);
    }
  });

  test("tells the likeliest classes and the accuracy", async () => {
    const lines = jsonLines(await cli("run", "model.safetensors", "images.npy", "--labels", "labels.idx", "--json"));
    expect(lines).toHaveLength(SAMPLES + 1);
    const correct = lines.slice(0, SAMPLES).filter(({ index }, i) => index === digits.targets[i]).length;
    expect(lines[0]).toMatchObject({ sample: 0, class: expect.stringMatching(/^\d$/), score: expect.any(Number) });
    expect(lines[0].top).toHaveLength(3);
    expect(lines.at(-1)).toMatchObject({
      ...{ samples: SAMPLES, outputShape: [SAMPLES, 10], accuracy: correct / SAMPLES },
      backend: expect.any(String),
    });
  });

  test("shows as many samples and classes as asked for", async () => {
    const { stdout } = await cli("run", "model.safetensors", "images.npy", "--limit", "2", "--top", "1");
    expect(stdout).toContain("and 28 more (--limit 0 shows all)");
    expect(stdout.split("\n").filter((line) => /^ +\d+ {2}\d +[\d.]+%$/.test(line))).toHaveLength(2);
    expect((await cli("run", "model.safetensors", "images.npy", "--limit", "0")).stdout).not.toContain("more");
  });

  test("takes a file that is one sample, and divides as it is told", async () => {
    expect(jsonLines(await cli("run", "model.safetensors", "one.npy", "--json"))).toHaveLength(2);
    const bytes = ["run", "model.safetensors", "images.idx", "--json"];
    const [divided, raw] = [await cli(...bytes, "--divide-by", "255"), await cli(...bytes, "--divide-by", "1")];
    expect(divided.stdout.split("\n")[0]).toBe((await cli(...bytes)).stdout.split("\n")[0]);
    expect(raw.stdout.split("\n")[0]).not.toBe(divided.stdout.split("\n")[0]);
  });

  test("gives no class where outputs are NaN, and says so", async () => {
    using model = await new Sequential(new Linear(2, 3)).deploy();
    await saveModel(model, join(folder, "small.safetensors"));
    const wrong = Float32Array.of(1, 2, Number.NaN, 2, 3, 4, Number.NaN, 1);
    await writeFile(join(folder, "wrong.npy"), writeNpy(wrong, [4, 2]));
    const call = ["run", "small.safetensors", "wrong.npy", "--top", "2"];
    const text = await cli(...call);
    expect(text.code).toBe(0);
    expect(text.stdout).toMatch(/^ +1 {2}\(no class\)$/m);
    expect(text.stdout).not.toContain("NaN");
    expect(text.stderr).toMatch(/^warning: 2 of 4 samples gave NaN or infinite outputs, the first is sample 1: /);
    const lines = jsonLines(await cli(...call, "--json"));
    expect(lines[1]).toEqual({ sample: 1, index: null, class: null, score: null, top: [] });
    expect(lines[0]).toMatchObject({ sample: 0, class: expect.any(String), score: expect.any(Number) });
    // Beyond what is shown, too, and where nobody asks for classes.
    const raw = await cli("run", "small.safetensors", "wrong.npy", "--limit", "1");
    expect(raw.stderr).toContain("2 of 4 samples");
  });

  test("predicts the character that follows a text", async () => {
    await writeFile(join(folder, "codes.csv"), "1,2,3,4,5,6,7\n");
    const result = await cli("run", "text.safetensors", "codes.csv", "--top", "2", "--json");
    const [line, summary] = jsonLines(result);
    expect(line.top).toHaveLength(2);
    expect(summary.outputShape).toEqual([1, 7, expect.any(Number)]);
  });
});
