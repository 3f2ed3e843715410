/** A saved model runs where there is no training engine: a process of its own loads it, and tells which modules that took. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RandomSource } from "../src/core/random.ts";
import { saveModel } from "../src/index.ts";
import { BitLinear, Linear, Residual, RMSNorm, relu, Sequential } from "../src/nn/index.ts";
import { repository } from "./structure/source-graph.ts";

const run = promisify(execFile);
const random = new RandomSource(1);
const input = Array.from({ length: 3 * 20 }, () => Math.fround(random.normal()));

let folder: string;
let expected: Float32Array;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-inference-"));
  const block = new Residual(new Sequential(new BitLinear(16, 16, { seed: 2 }), relu));
  const model = new Sequential(new BitLinear(20, 16, { seed: 1 }), new RMSNorm(16), block, new Linear(16, 4));
  using deployed = await model.deploy();
  expected = await deployed.run(input);
  await saveModel(deployed, join(folder, "model.safetensors"));
});

afterAll(() => rm(folder, { recursive: true }));

test("a saved model is loaded and run without the training engine, with the same bits", async () => {
  const { loaded, result } = await runElsewhere(`
    const { loadModel } = await import(${urlOf("src/index.ts")});
    using model = await loadModel(${JSON.stringify(join(folder, "model.safetensors"))});
    const y = await model.run(${JSON.stringify(input)});
    result = [...new Uint32Array(y.buffer)];`);
  expect(result).toEqual([...new Uint32Array(expected.buffer)]);
  expect(loaded.filter((url) => url.includes("/src/backends/"))).not.toEqual([]);
  expect(loaded.filter(isTraining)).toEqual([]);
});

test("training in such a process loads the engine, which shows that the test above would see it", async () => {
  const { loaded } = await runElsewhere(`await import(${urlOf("src/nn/index.ts")});`);
  expect(loaded.filter(isTraining)).not.toEqual([]);
});

function isTraining(url: string): boolean {
  return url.includes("/@jax-js/") || /\/src\/(tensor|nn|convert)\//.test(url);
}

function urlOf(path: string): string {
  return JSON.stringify(pathToFileURL(join(repository, path)).href);
}

/** Runs code that may set `result`, in a new process; gives it, and the URLs of all modules that were loaded. */
async function runElsewhere(code: string): Promise<{ loaded: string[]; result: unknown }> {
  const hooks = `
    import { writeSync } from "node:fs";
    export async function load(url, context, nextLoad) {
      writeSync(1, url + "\\n");
      return nextLoad(url, context);
    }`;
  const script = join(folder, "probe.mts");
  await writeFile(
    script,
    `import { register } from "node:module";
    register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hooks)}`)});
    let result = null;
    ${code}
    console.log("result " + JSON.stringify(result));`,
  );
  const { stdout } = await run(process.execPath, ["--import", "tsx", script], { cwd: repository });
  const lines = stdout.trimEnd().split("\n");
  const result: unknown = JSON.parse((lines.pop() ?? "").replace(/^result /, ""));
  return { loaded: lines.filter((line) => line.startsWith("file:")), result };
}
