/** An example that is called wrongly says so in a line, too, before it trains anything. */
import { execFile } from "node:child_process";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeSmallData } from "../support/small-data.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const names = await readdir(join(repository, "examples"));
let data: string;

beforeAll(async () => {
  data = await writeSmallData();
});
afterAll(() => rm(data, { recursive: true, force: true }));

const cases = names.flatMap((name) => [
  { name, args: ["--bogus"], says: /^Unknown option '--bogus'.*; the head of this file shows how it is called$/ },
  { name, args: ["--help"], says: /^Unknown option '--help'/ },
  { name, args: ["--seed", "--epochs"], says: /'--seed.* argument .*/ },
]);

test.concurrent.each(cases)("$name $args", async ({ name, args, says }) => {
  const { code, stdout, stderr } = await runExample(name, args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr.trimEnd()).toMatch(says);
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
});

test.each([
  { name: "mnist-cnn.ts", option: "--samples" },
  { name: "mnist-mlp.ts", option: "--samples" },
  { name: "character-model.ts", option: "--length" },
  { name: "distill-transformer.ts", option: "--distill-epochs" },
])("$name tells that $option is no number", async ({ name, option }) => {
  const { code, stdout, stderr } = await runExample(name, ["--data", data, option, "abc"]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toMatch(new RegExp(`^UsageError: ${option} needs a whole number .*, got "abc"\n$`));
});

interface ExampleRun {
  readonly code: string | number | null | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

function runExample(name: string, args: readonly string[]): Promise<ExampleRun> {
  const command = ["--import", "tsx", join("examples", name), ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, command, { cwd: repository }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code, stdout, stderr });
    });
  });
}
