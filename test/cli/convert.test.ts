/** convert, inspect and diff as a user meets them: plans, tables, reports, exit codes. */
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RandomSource } from "../../src/core/random.ts";
import { tensorEntry, writeFileAtomic, writeNpy, writeSafetensors } from "../../src/files/index.ts";
import { BitLinear, Linear, Sequential } from "../../src/nn/index.ts";
import { saveModel } from "../../src/runtime/model-file.ts";
import { type CliResult, jsonLines, resultOf, runCli, startCli } from "../support/run-cli.ts";

const random = new RandomSource(9);
const normal = (count: number) => Float32Array.from({ length: count }, () => random.normal());
const golden = join(import.meta.dirname, "../golden/llama-cpp");
let folder: string;

function cli(...args: string[]): Promise<CliResult> {
  return runCli(args, { cwd: folder });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-convert-cli-"));
  const tensors = [
    tensorEntry("layers.0.weight", [64, 96], normal(64 * 96)),
    tensorEntry("layers.0.bias", [64], normal(64)),
    tensorEntry("layers.1.weight", [32, 64], normal(32 * 64)),
    tensorEntry("head.weight", [10, 32], normal(320)),
  ];
  await writeFileAtomic(join(folder, "float.safetensors"), writeSafetensors(tensors));
  await writeFileAtomic(join(folder, "x.npy"), writeNpy(normal(50 * 96), [50, 96]));
  for (const seed of [1, 2]) {
    using model = await new Sequential(new BitLinear(6, 4, { seed }), new Linear(4, 2, { seed: 3 })).deploy();
    await saveModel(model, join(folder, `model-${seed}.safetensors`));
  }
  await writeFileAtomic(join(folder, "samples.npy"), writeNpy(normal(5 * 6), [5, 6]));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test("a dry run shows the plan and writes nothing", async () => {
  const before = await readdir(folder);
  const { code, stdout, stderr } = await cli("convert", "float.safetensors", "--dry-run");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/layers\.0\.weight +\[64, 96\] +F32 +base3 by optimal +24,576 +1,536 +weight of a layer/);
  expect(stdout).toMatch(/head\.weight .* F32 +F32 +1,280 +1,280 +skip head\.\* \(default\)/);
  expect(await readdir(folder)).toEqual(before);
  const [{ plan }] = jsonLines(await cli("convert", "float.safetensors", "--dry-run", "--json"));
  expect(plan).toMatchObject({ target: "checkpoint", format: "base3", tensors: expect.any(Array) });
});

test("a conversion reports every layer, in a table, in JSON and in a page", async () => {
  const args = ["convert", "float.safetensors", "--planes", "2", "--calibration", "x.npy"];
  const table = await cli(...args, "--out", "two.safetensors", "--report", "two.html");
  expect(table).toMatchObject({ code: 0, stderr: "" });
  expect(table.stdout).toMatch(/layers\.1\.weight +\[32, 64\] +F32 +base3 x 2 by optimal/);
  expect(table.stdout).toContain("output error");
  expect(table.stdout).toContain("one layer has no calibration inputs");
  expect(table.stdout).toMatch(/^written: proved/m);
  const page = await readFile(join(folder, "two.html"), "utf8");
  for (const text of ["Size against error", "layers.0.weight", "Weights and their trits", "✓ As fitted"]) {
    expect(page).toContain(text);
  }
  expect(page).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)/);

  const json = await cli(...args, "--out", "again.safetensors", "--json");
  const [report] = jsonLines(json);
  expect(report).toMatchObject({ target: "checkpoint", format: "base3", resumedTensors: 0, kept: { count: 2 } });
  expect(report.layers).toHaveLength(2);
  const files = await Promise.all(["two", "again"].map((name) => readFile(join(folder, `${name}.safetensors`))));
  expect(files[0].equals(files[1])).toBe(true);
});

test("rules, a budget and bits choose quantizers and planes", async () => {
  const planesOf = async (...options: string[]) => {
    const [{ plan }] = jsonLines(await cli("convert", "float.safetensors", "--dry-run", "--json", ...options));
    const { tensors } = plan as { tensors: { name: string; action: { planes?: number; quantizer?: string } }[] };
    return Object.fromEntries(tensors.map(({ name, action }) => [name, [action.quantizer, action.planes]]));
  };
  const kept = [undefined, undefined];
  expect(await planesOf("--rule", "layers.1.*=twn:3,head.*=:2", "--skip", "layers.0.*")).toEqual({
    ...{ "layers.0.weight": kept, "layers.0.bias": kept },
    ...{ "layers.1.weight": ["twn", 3], "head.weight": ["optimal", 2] },
  });
  const bits = await planesOf("--bits", "9");
  expect([bits["layers.0.weight"][1], bits["layers.1.weight"][1]]).toEqual([4, 4]);
  const { stdout } = await cli(
    "convert",
    "float.safetensors",
    "--out",
    "small.safetensors",
    "--budget",
    "5kB",
    "--json",
  );
  const [{ total, kept: rest }] = JSON.parse(`[${stdout}]`);
  expect(total.bytesAfter + rest.bytes).toBeLessThanOrEqual(5000);
  expect(total.bytesAfter + rest.bytes).toBeGreaterThan(4000);
});

test("ternary to ternary is proved lossless", async () => {
  await cli("convert", "float.safetensors", "--out", "base.safetensors");
  const { stdout } = await cli("convert", "base.safetensors", "--out", "i2.safetensors", "--format", "i2");
  expect(stdout).toMatch(/^lossless: proved/m);
  expect(await cli("diff", "base.safetensors", "i2.safetensors")).toMatchObject({
    code: 0,
    stdout: "4 tensors: 2 equal values, 2 equal bytes\nequal\n",
  });
});

test("diff tells what differs, and exits with 1", async () => {
  const { code, stdout } = await cli("diff", "float.safetensors", "base.safetensors");
  expect(code).toBe(1);
  expect(stdout).toMatch(/layers\.0\.weight +F32 \[64, 96\] +base3 \[64, 96\] +differs +0\.4/);
  expect(stdout).toMatch(/\ndifferent\n$/);
  expect((await cli("diff", "float.safetensors", "base.safetensors", "--tolerance", "0.6")).code).toBe(0);
  const other = await cli("diff", "float.safetensors", "model-1.safetensors", "--json");
  expect(other.code).toBe(1);
  const [{ tensors, isEqual }] = jsonLines(other);
  expect(isEqual).toBe(false);
  const statuses = (tensors as { status: string }[]).map(({ status }) => status);
  expect(statuses.filter((status) => status !== "only in A" && status !== "only in B")).toEqual([]);
});

test("diff runs two models on samples", async () => {
  const run = (b: string) => cli("diff", "model-1.safetensors", b, "--input", "samples.npy", "--json");
  const [same, other] = [await run("model-1.safetensors"), await run("model-2.safetensors")];
  expect([same.code, other.code]).toEqual([0, 1]);
  expect(jsonLines(same)[0]).toMatchObject({ isEqual: true, outputs: { samples: 5, outputs: 10, differing: 0 } });
  expect(jsonLines(other)[0]).toMatchObject({ isEqual: false, outputs: { samples: 5, outputs: 10 } });
});

test("inspect reads files of others, says by what evidence, and draws", async () => {
  const gguf = await cli("inspect", join(golden, "llama_tied-tq1_0.gguf"));
  expect(gguf).toMatchObject({ code: 0, stderr: "" });
  expect(gguf.stdout).toMatch(/blk\.0\.ffn_up\.weight +\[512, 256\] +TQ1_0 +33/);
  expect(gguf.stdout).toContain("evidence: type 34 of GGUF is TQ1_0");
  const hf = await cli("inspect", join(golden, "hf-bitlinear.safetensors"), "--report", "hf.html", "--json");
  const [{ kind, tensors, findings }] = jsonLines(hf);
  expect(kind).toBe("hf-bitnet");
  expect((tensors as { type: string }[]).filter(({ type }) => type === "hf_bitnet")).toHaveLength(14);
  expect(findings).toEqual([expect.stringContaining("divides")]);
  expect((await stat(join(folder, "hf.html"))).size).toBeGreaterThan(10_000);
});

test.skipIf(process.platform === "win32")(
  "Ctrl-C keeps what is finished, and the same command goes on",
  async () => {
    const layers = Array.from({ length: 12 }, (_, i) =>
      tensorEntry(`layers.${i}.weight`, [512, 512], normal(512 * 512)),
    );
    await writeFileAtomic(join(folder, "many.safetensors"), writeSafetensors(layers));
    const args = ["convert", "many.safetensors", "--planes", "4", "--out", "stopped.safetensors"];
    const child = startCli(args, { cwd: folder });
    const journal = join(folder, "stopped.safetensors.partial/journal.jsonl");
    let isInterrupted = false;
    const watch = setInterval(async () => {
      const text = await readFile(journal, "utf8").catch(() => "");
      if (isInterrupted || text.split("\n").length < 4) return;
      isInterrupted = true; // some tensors are finished; a second Ctrl-C would quit at once
      child.kill("SIGINT");
    }, 20);
    const stopped = await resultOf(child);
    clearInterval(watch);
    expect(stopped.code).toBe(130);
    expect(stopped.stderr).toContain("the same command goes on from stopped.safetensors.partial");
    expect(await readdir(folder)).not.toContain("stopped.safetensors");
    const resumed = await cli(...args);
    expect(resumed.code).toBe(0);
    expect(resumed.stderr).toMatch(/going on: \d+ tensors? (was|were) finished before/);
    expect(await readdir(folder)).not.toContain("stopped.safetensors.partial");
  },
  120_000,
);
