/** What stands on which stream, and what becomes of the program when nobody reads on. */
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { commands } from "../../src/cli/commands/index.ts";
import { jsonLines, resultOf, runCli, startCli } from "../support/run-cli.ts";

const cwd = tmpdir();

test.each([
  { args: ["inspect", "absent", "--json"], code: 1, error: "FILE" },
  { args: ["run", "absent", "absent", "--json"], code: 1, error: "FILE" },
  { args: ["train", "--seed", "x", "--json"], code: 2, error: "USAGE" },
  { args: ["--json", "demo", "--epochs", "x"], code: 2, error: "USAGE" },
  { args: ["doctor", "--json", "--wrong"], code: 2, error: "USAGE" },
  { args: ["fly", "--json"], code: 2, error: "USAGE" },
  { args: ["--json"], code: 2, error: "USAGE" },
])("$args reports its error as one line of JSON, too", async ({ args, code, error }) => {
  const result = await runCli(args, { cwd });
  expect(result.code).toBe(code);
  const lines = jsonLines(result);
  expect(lines).toMatchObject([{ error: { code: error, message: expect.any(String) } }]);
  const { message } = lines[0].error as { message: string };
  expect(result.stderr).toContain(`error: ${message}`);
});

test("without a command the help goes to standard error", async () => {
  const { code, stdout, stderr } = await runCli([], { cwd });
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  for (const { id } of commands) expect(stderr).toContain(`  ${id} `);
});

test("a reader that leaves early is no error", async () => {
  const child = startCli(["train", "--help"], { cwd });
  child.stdout.destroy();
  const { stderr } = await resultOf(child);
  expect(stderr).toBe("");
});

test.skipIf(process.platform !== "linux")("a full disk is told in one line", async () => {
  const { spawnfile, spawnargs } = startCli(["inspect", "--help"], { cwd });
  const child = spawn("sh", ["-c", 'exec "$@" > /dev/full', "sh", spawnfile, ...spawnargs.slice(1)], { cwd });
  expect(await resultOf(child)).toEqual({
    code: 1,
    stdout: "",
    stderr: "error: standard output cannot be written: the disk is full: free some space\n",
  });
});

test("the stack of an error is shown on demand", async () => {
  const quiet = await runCli(["inspect", "absent"], { cwd });
  expect(quiet.stderr).not.toMatch(/\n {4}at /);
  const loud = await runCli(["inspect", "absent"], { cwd, env: { BITLINEAR_DEBUG: "1" } });
  expect(loud.stderr).toMatch(/FileError: .*\n {4}at .*\n(?:.*\n)*caused by Error: ENOENT/);
});

test("a pipe gets no colours", async () => {
  expect((await runCli(["doctor", "--skip-training"], { cwd })).stdout).not.toContain("\u001b");
});
