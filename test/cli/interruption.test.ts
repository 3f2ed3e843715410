/** Ctrl-C leaves a checkpoint, and a training that is resumed gives the file of one that never stopped. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { jsonLines, resultOf, runCli, startCli } from "../support/run-cli.ts";

const TRAINING = ["train", "--train-samples", "640", "--test-samples", "50", "--epochs", "20", "--seed", "7"];

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-interruption-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test.skipIf(process.platform === "win32")("Ctrl-C stops, tells how to go on, and nothing is lost", async () => {
  const child = startCli([...TRAINING, "--out", "stopped.safetensors", "--json"], { cwd: folder });
  child.stdout.once("data", () => child.kill("SIGINT")); // after the first epoch
  const stopped = await resultOf(child);
  expect(stopped.code).toBe(130);
  expect(stopped.stderr).toContain("stopping after this step");
  const last = jsonLines(stopped).at(-1) ?? {};
  expect(last).toMatchObject({ interrupted: true, checkpoint: "stopped.checkpoint.safetensors" });
  expect(last.step).toBeLessThan(20 * 10);
  expect(await readdir(folder)).toEqual(["stopped.checkpoint.safetensors"]);

  const again = await runCli([...TRAINING, "--out", "stopped.safetensors"], { cwd: folder });
  expect(again).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("or delete it") });

  const command = String(last.command).split(" ");
  expect(command.slice(0, 2)).toEqual(["npx", "bitlinear"]);
  const resumed = await runCli(command.slice(2), { cwd: folder });
  expect(resumed.code).toBe(0);
  expect(await readdir(folder)).toEqual(["stopped.safetensors"]);
  const whole = await runCli([...TRAINING, "--out", "whole.safetensors"], { cwd: folder });
  expect(whole.code).toBe(0);
  const [expected, actual] = await Promise.all(
    ["whole", "stopped"].map((name) => readFile(join(folder, `${name}.safetensors`))),
  );
  expect(actual.equals(expected)).toBe(true);
});

test.skipIf(process.platform === "win32")("Ctrl-C is heard in the middle of an epoch", async () => {
  const sizes = ["--batch-size", "1", "--train-samples", "20000", "--test-samples", "10", "--epochs", "1"];
  const child = startCli(["train", ...sizes, "--out", "long.safetensors"], { cwd: folder });
  child.stdout.once("data", () => setTimeout(() => child.kill("SIGINT"), 1500)); // the plan is told, steps begin
  const { code, stderr } = await resultOf(child);
  expect(code).toBe(130);
  const [, step] = /stopped at step (\d+)/.exec(stderr) ?? [];
  expect(Number(step)).toBeLessThan(20_000);
  expect(await readdir(folder)).toContain("long.checkpoint.safetensors");
});

test.skipIf(process.platform === "win32")("Ctrl-C stops the demo, which tells it a machine, too", async () => {
  const child = startCli(["demo", "--json", "--report", "stopped.html"], { cwd: folder });
  child.stderr.once("data", () => child.kill("SIGINT")); // the heading of the first training
  const stopped = await resultOf(child);
  expect(stopped.code).toBe(130);
  expect(jsonLines(stopped)).toEqual([{ interrupted: true, network: "float32", step: expect.any(Number) }]);
  expect(stopped.stderr).toMatch(/stopped at step \d+ of the float32 network/);
  expect(await readdir(folder)).not.toContain("stopped.html");
});

test("a checkpoint of other settings is refused, and one that was asked for stays", async () => {
  const args = ["train", "--train-samples", "64", "--test-samples", "10", "--epochs", "1", "--out", "m.safetensors"];
  expect((await runCli([...args, "--checkpoint", "kept.safetensors"], { cwd: folder })).code).toBe(0);
  expect(await readdir(folder)).toContain("kept.safetensors");
  const more = ["--epochs", "2", "--checkpoint", "kept.safetensors", "--resume", "kept.safetensors"];
  expect((await runCli([...args, ...more], { cwd: folder })).stderr).not.toContain("would destroy");
  const other = await runCli([...args, "--resume", "kept.safetensors", "--seed", "3"], { cwd: folder });
  expect(other.code).toBe(2);
  expect(other.stderr).toContain("was made with other settings");
});
