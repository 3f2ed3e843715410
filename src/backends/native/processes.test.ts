/** The native backend where programs end: in workers, and in processes that do not wait. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { open } from "./index.ts";

const run = promisify(execFile);
const source = fileURLToPath(new URL("./index.ts", import.meta.url));

/** Makes `layer`, slow on every machine, and `x`, a batch of `m` tokens for a good part of a second. */
const LONG_WORK = `
  const { open } = await import("./native.mjs");
  const [outFeatures, inFeatures, m] = [512, 1024, 1500];
  const trits = Int8Array.from({ length: outFeatures * inFeatures }, (_, i) => (i % 3) - 1);
  const layer = open({ threads: 2 }).linear(
    [{ outFeatures, inFeatures, trits, scales: Float32Array.of(1) }],
    { activation: "int8", kernel: "scalar" },
  );
  const x = Float32Array.from({ length: m * inFeatures }, (_, i) => i % 7);
  const sum = (y) => y.reduce((total, value) => total + value, 0);`;

let scratch: string;
/** As deep below the repository as the sources, which look for the binary from where they are. */
let folder: string;

beforeAll(async () => {
  const parent = fileURLToPath(new URL("../../../build", import.meta.url));
  await mkdir(parent, { recursive: true });
  scratch = await mkdtemp(join(parent, "test-"));
  folder = join(scratch, "programs");
  // Workers of Node 20 take JavaScript only.
  const outfile = join(folder, "native.mjs");
  await build({ entryPoints: [source], bundle: true, platform: "node", format: "esm", target: "node20", outfile });
});

afterAll(() => rm(scratch, { recursive: true }));

describe.runIf(!("unavailable" in open()))("the native backend", () => {
  test("a program ends only after its runs, and they settle", async () => {
    const { stdout } = await runProgram(`${LONG_WORK}
      layer.run(x, m).then((y) => console.log(y.length));`);
    expect(stdout.trim()).toBe(String(1500 * 512));
  });

  test.each(["process.exit(7)", "process.kill(process.pid, 'SIGTERM')", "throw new Error('on purpose')"])(
    "%s ends a program while runs are going on, without a crash",
    async (end) => {
      const failure = await runProgram(`${LONG_WORK}
        for (let i = 0; i < 5; i++) layer.run(x, m).catch(() => {});
        setTimeout(() => { ${end}; }, 30);`).catch((error: { code: number | null; signal: string | null }) => error);
      expect(failure).toMatchObject(
        end.includes("kill") ? { signal: "SIGTERM" } : { code: end.includes("exit") ? 7 : 1, signal: null },
      );
    },
  );

  test("an idle program ends", async () => {
    const { stdout } = await runProgram(`${LONG_WORK}
      console.log(sum(await layer.run(x.subarray(0, inFeatures), 1)) !== undefined);`);
    expect(stdout.trim()).toBe("true");
  });

  test("workers share the threads, and each gets its own results", async () => {
    const { stdout } = await runProgram(`
      import { isMainThread, parentPort, Worker } from "node:worker_threads";
      ${LONG_WORK}
      const sums = [];
      for (let i = 0; i < 3; i++) sums.push(sum(await layer.run(x, m)), sum(await layer.run(x.subarray(0, 9 * 1024), 9)));
      if (isMainThread) {
        const others = await Promise.all([1, 2, 3].map(() => new Promise((resolve, reject) => {
          new Worker(new URL(import.meta.url)).on("message", resolve).on("error", reject);
        })));
        console.log(new Set([sums, ...others].map(String)).size);
      } else {
        parentPort.postMessage(sums);
      }`);
    expect(stdout.trim()).toBe("1");
  });

  test("a worker that is terminated in the middle of a run takes nobody with it", async () => {
    const { stdout } = await runProgram(`
      import { isMainThread, parentPort, Worker } from "node:worker_threads";
      if (isMainThread) {
        // The workers alone load the addon at first: it must outlive them.
        for (let i = 0; i < 6; i++) {
          const worker = new Worker(new URL(import.meta.url));
          await new Promise((resolve) => worker.once("message", resolve));
          await worker.terminate();
        }
        ${LONG_WORK}
        console.log((await layer.run(x, m)).length);
      } else {
        ${LONG_WORK}
        for (let i = 0; i < 4; i++) layer.run(x, m);
        parentPort.postMessage("running");
      }`);
    expect(stdout.trim()).toBe(String(1500 * 512));
  });

  test("a worker that is terminated where one run ends and the next begins takes nobody with it", async () => {
    const { stdout } = await runProgram(`
      import { isMainThread, parentPort, Worker } from "node:worker_threads";
      if (isMainThread) {
        for (let i = 0; i < 10; i++) {
          const worker = new Worker(new URL(import.meta.url));
          await new Promise((resolve) => worker.once("message", resolve));
          await new Promise((resolve) => setTimeout(resolve, 5 + 17 * i));
          await worker.terminate();
        }
        console.log("well");
      } else {
        ${LONG_WORK}
        const weights = { outFeatures, inFeatures, trits, scales: Float32Array.of(1) };
        const fast = open({ threads: 2 }).linear([weights], { activation: "int8" });
        parentPort.postMessage("running");
        for (;;) await fast.run(x, m);
      }`);
    expect(stdout.trim()).toBe("well");
  });

  test("BITLINEAR_THREADS and BITLINEAR_ISA are read from the environment of the process", async () => {
    const { stdout } = await runProgram(
      `const { open } = await import("./native.mjs");
       const { threads, kernels } = open();
       console.log(threads, ...kernels);`,
      { BITLINEAR_THREADS: "6", BITLINEAR_ISA: "scalar" },
    );
    expect(stdout.trim()).toBe("6 scalar");
  });
});

/** Runs a module in a process of its own; rejects when it does not end well. */
async function runProgram(code: string, env: Record<string, string> = {}): Promise<{ stdout: string }> {
  const program = join(folder, `program-${Math.random().toString(36).slice(2)}.mjs`);
  await writeFile(program, code);
  return await run(process.execPath, [program], { env: { ...process.env, ...env }, timeout: 25_000 });
}
