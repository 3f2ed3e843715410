/** The doctor tells what there is and checks it. */
import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { backends } from "../../src/backends/index.ts";
import { jsonLines, runCli } from "../support/run-cli.ts";

test("shows the machine and every backend, and passes its checks", async () => {
  const [text, json] = await Promise.all([
    runCli(["doctor"], { cwd: tmpdir() }),
    runCli(["doctor", "--json"], { cwd: tmpdir() }),
  ]);
  expect(text).toMatchObject({ code: 0, stderr: "" });
  expect(text.stdout).toContain(process.version.slice(1));
  for (const { id } of backends) expect(text.stdout).toMatch(new RegExp(`(present|absent ) {2}${id} `));
  expect(text.stdout.match(/PASS/g)?.length).toBeGreaterThanOrEqual(3);
  expect(text.stdout).not.toContain("FAIL");

  const [report, ...rest] = jsonLines(json);
  expect(rest).toEqual([]);
  expect(report).toMatchObject({ passed: true, node: process.version.slice(1) });
  expect((report.backends as { id: string }[]).map(({ id }) => id)).toEqual(backends.map(({ id }) => id));
});

test("a variable that means nothing breaks backends, and is said so", async () => {
  const env = { BITLINEAR_THREADS: "many" };
  const { code, stdout } = await runCli(["doctor", "--skip-training"], { cwd: tmpdir(), env });
  expect(code).toBe(1);
  expect(stdout).toMatch(/broken {3}wasm .*BITLINEAR_THREADS must be a whole number/);
  expect(stdout).toMatch(/FAIL {2}backend wasm opens/);
  expect(stdout).not.toContain("All is well");
});
