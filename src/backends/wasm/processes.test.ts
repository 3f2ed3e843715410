/** The WebAssembly backend where programs end: its threads keep none alive, and none ends before its runs. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";

const run = promisify(execFile);

/** Makes `layer`, slow on every machine, and `x`, a batch of `m` tokens for some 200 ms; three threads. */
const LONG_WORK = `
  const { open } = await import("./wasm.mjs");
  const [outFeatures, inFeatures, m] = [512, 1024, 500];
  const trits = Int8Array.from({ length: outFeatures * inFeatures }, (_, i) => (i % 3) - 1);
  const layer = (await open({ threads: 3 })).linear(
    [{ outFeatures, inFeatures, trits, scales: Float32Array.of(1) }],
    { activation: "int8", kernel: "scalar" },
  );
  const x = Float32Array.from({ length: m * inFeatures }, (_, i) => i % 7);`;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-wasm-"));
  const source = fileURLToPath(new URL("./index.ts", import.meta.url));
  // One file, as an application has it: nothing but the bundle may be needed at run time.
  await build({
    entryPoints: [source],
    bundle: true,
    platform: "neutral",
    format: "esm",
    target: "es2022",
    outfile: join(folder, "wasm.mjs"),
  });
});

afterAll(() => rm(folder, { recursive: true }));

test("a program ends only after its runs, although its threads sleep then", async () => {
  const { stdout } = await runProgram(`${LONG_WORK}
    layer.run(x, m).then((y) => console.log(y.length));`);
  expect(stdout.trim()).toBe(String(500 * 512));
});

test("a program ends while its threads still look out for work", async () => {
  const { stdout } = await runProgram(`${LONG_WORK}
    await layer.run(x, m);
    console.log("over");`);
  expect(stdout.trim()).toBe("over");
});

test.each(["process.exit(7)", "process.kill(process.pid, 'SIGTERM')", "throw new Error('on purpose')"])(
  "%s ends a program in the middle of a run",
  async (end) => {
    const failure = await runProgram(`${LONG_WORK}
      layer.run(x, m).catch(() => {});
      setTimeout(() => { ${end}; }, 30);`).catch((error: { code: number | null; signal: string | null }) => error);
    expect(failure).toMatchObject(
      end.includes("kill") ? { signal: "SIGTERM" } : { code: end.includes("exit") ? 7 : 1, signal: null },
    );
  },
);

test("a worker that is terminated in the middle of a run takes its threads with it, and nobody else", async () => {
  const { stdout } = await runProgram(`
    import { isMainThread, parentPort, Worker } from "node:worker_threads";
    ${LONG_WORK}
    if (isMainThread) {
      const worker = new Worker(new URL(import.meta.url));
      await new Promise((resolve) => worker.on("message", resolve));
      const y = layer.run(x, m);
      await worker.terminate();
      console.log((await y).length);
    } else {
      const y = layer.run(x, m);
      parentPort.postMessage("running");
      await y;
    }`);
  expect(stdout.trim()).toBe(String(500 * 512));
});

test("the debugger's and loaders' options of a program do not reach its threads", async () => {
  const program = `${LONG_WORK}
    await layer.run(x, m);
    console.log("over");`;
  const hook = "data:text/javascript,globalThis.loads=1;console.log('loaded')";
  const { stdout } = await runProgram(program, ["--import", hook]);
  expect(stdout.trim().split("\n")).toEqual(["loaded", "over"]);
});

/** Runs a module in a process of its own, which has 60 s to end. */
async function runProgram(text: string, options: string[] = []): Promise<{ stdout: string }> {
  const file = join(folder, `program-${crypto.randomUUID()}.mjs`);
  await writeFile(file, text);
  return run(process.execPath, [...options, file], { timeout: 60_000, killSignal: "SIGKILL" });
}
