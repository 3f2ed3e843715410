/** `bitlinear bench` says how fast the machine is; how fast that is, is no matter for a test. */
import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { openBackend } from "../../src/backends/index.ts";
import { jsonLines, runCli } from "../support/run-cli.ts";

test("shows every kernel of the best backend, and what it was held against", async () => {
  const { code, stdout } = await runCli(["bench", "--size", "128"], { cwd: tmpdir() });
  expect(code).toBe(0);
  const { id, kernels } = await openBackend();
  for (const kernel of kernels) expect(stdout).toMatch(new RegExp(`^${id} +${kernel} +[\\d.]+ [µm]s`, "m"));
  expect(stdout).toContain("128 × 128 ternary weights");
  expect(stdout).toMatch(/^shares/m);
  expect(stdout).toMatch(/^fastest: .* GOP\/s .* for one token, .* for 128$/m);
});

test("machines get one line with ceilings and records", async () => {
  const [line, ...rest] = jsonLines(
    await runCli(["bench", "--size", "64", "--threads", "1", "--json"], { cwd: tmpdir() }),
  );
  expect(rest).toEqual([]);
  const { kernels } = await openBackend();
  expect(line).toMatchObject({ node: process.version.slice(1), ceilings: [{ threads: 1 }] });
  const records = line.records as { kernel: string; m: number; microseconds: number; gops: number }[];
  for (const kernel of kernels) expect(records.map((record) => record.kernel)).toContain(kernel);
  for (const { m, microseconds, gops } of records) {
    expect(gops).toBeCloseTo((2 * m * 64 * 64) / microseconds / 1000, 6);
  }
});

test("threads that are none are a wrong use", async () => {
  expect(await runCli(["bench", "--threads", "0"], { cwd: tmpdir() })).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/--threads needs a whole number from 1 to 1024, got "0"/),
  });
});
