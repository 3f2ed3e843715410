/**
 * Models of llama.cpp converted to one another: every file is equal, in all bytes, to the golden one, whose blocks are what
 * llama.cpp's own quantizer makes; and in llama.cpp itself (node-llama-cpp, where it is installed) it goes on after a prompt
 * as the golden one does, token by token.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ConvertOptions, convertFile } from "../src/convert/index.ts";
import { needPackage } from "./support/peer-packages.ts";
import { outputOf } from "./support/programs.ts";

const golden = join(import.meta.dirname, "golden/llama-cpp");
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-llama-"));
  const float = gunzipSync(await readFile(join(golden, "llama_tied-f32.gguf.gz")));
  await writeFile(pathOf("f32"), float);
});
afterAll(() => rm(folder, { recursive: true }));

type Kind = "f32" | "tq1_0" | "tq2_0";

function pathOf(kind: Kind): string {
  return kind === "f32" ? join(folder, "llama_tied-f32.gguf") : join(golden, `llama_tied-${kind}.gguf`);
}

const options: Readonly<Record<Kind, ConvertOptions>> = {
  f32: { float: true },
  tq1_0: { format: "tq1_0" },
  tq2_0: { format: "tq2_0" },
};
const kinds = Object.keys(options) as Kind[];
const pairs = kinds.flatMap((from) => kinds.filter((to) => to !== from).map((to) => ({ from, to })));

async function convert(from: Kind, to: Kind): Promise<string> {
  const out = join(folder, `${from}-to-${to}.gguf`);
  await convertFile(pathOf(from), out, options[to]);
  return out;
}

test.each(pairs)("$from becomes $to as llama.cpp has it, in all bytes", async ({ from, to }) => {
  const written = await readFile(await convert(from, to));
  expect(written.equals(await readFile(pathOf(to)))).toBe(true);
});

/** One prompt with the tokens that followed in node-llama-cpp. */
interface GoldenRun {
  prompt: number[];
  greedy_node_llama_cpp: number[];
}

test.for([
  { from: "f32", to: "tq2_0" },
  { from: "tq2_0", to: "tq1_0" },
  { from: "tq1_0", to: "f32" },
] as const)(
  "llama.cpp loads $to made of $from and goes on as the golden file does",
  { timeout: 120_000 },
  async ({ from, to }, context) => {
    await needPackage(context, "node-llama-cpp");
    const path = await convert(from, to);
    const { models } = JSON.parse(await readFile(join(golden, "greedy.json"), "utf8"));
    const runs: GoldenRun[] = models[`llama_tied-${to}`].runs;
    expect(runs.length).toBeGreaterThan(0);
    const prompts = JSON.stringify(runs.map(({ prompt }) => prompt));
    const script = join(import.meta.dirname, "support/llama-cpp-tokens.ts");
    const output = await outputOf(process.execPath, ["--import", "tsx", script, path, prompts, "50"]);
    const tokens: unknown = JSON.parse(output.trim().split("\n").at(-1) ?? "");
    expect(tokens).toEqual(runs.map((run) => run.greedy_node_llama_cpp));
  },
);
