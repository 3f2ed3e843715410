/** Every command of the list explains itself, quickly: without the training engine. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { commands } from "../../src/cli/commands/index.ts";
import { flagOf } from "../../src/cli/options.ts";
import { VERSION } from "../../src/core/version.ts";
import { Linear, Sequential } from "../../src/nn/index.ts";
import { saveModel } from "../../src/runtime/model-file.ts";
import { jsonLines, runCli } from "../support/run-cli.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-help-"));
  using model = await new Sequential(new Linear(2, 1)).deploy();
  await saveModel(model, join(folder, "model.safetensors"));
  await writeFile(join(folder, "table.csv"), "1,2\n3,4\n");
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test("the program lists every command", async () => {
  const { code, stdout, stderr } = await runCli(["--help"], { cwd: folder });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  for (const { id, summary } of commands) expect(stdout).toContain(`${id.padEnd(9)}${summary}`);
});

test("help is a word, too", async () => {
  const typed = [["help"], ["help", "train"], ["help", "train", "--json"]];
  const asked = [["--help"], ["train", "--help"], ["train", "--help", "--json"]];
  const run = (args: string[]) => runCli(args, { cwd: folder });
  expect(await Promise.all(typed.map(run))).toEqual(await Promise.all(asked.map(run)));
});

test("the version is that of the package", async () => {
  expect(await runCli(["--version"], { cwd: folder })).toEqual({ code: 0, stdout: `${VERSION}\n`, stderr: "" });
  expect(jsonLines(await runCli(["--version", "--json"], { cwd: folder }))).toEqual([{ version: VERSION }]);
});

test.each(commands)("$id tells every option it takes, as text and as JSON", async ({ id, load }) => {
  const [text, json] = await Promise.all([
    runCli([id, "--help"], { cwd: folder }),
    runCli([id, "-h", "--json"], { cwd: folder }),
  ]);
  expect(text).toMatchObject({ code: 0, stderr: "" });
  const { options, positionals } = await load();
  for (const [name, option] of Object.entries(options)) {
    expect(text.stdout).toContain(`  ${flagOf(name)}`);
    for (const choice of option.choices ?? []) expect(text.stdout).toContain(`      ${choice.id} `);
  }
  for (const { name } of positionals) expect(text.stdout).toContain(`\n  ${name} `);
  for (const line of text.stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(120);
  expect(json).toMatchObject({ code: 0, stderr: "" });
  expect(jsonLines(json)).toEqual([{ help: text.stdout.trimEnd() }]);
});

test.each([
  { what: "--help", args: ["--help"] },
  ...commands.map(({ id }) => ({ what: `${id} --help`, args: [id, "--help"] })),
  { what: "inspect", args: ["inspect", "model.safetensors"] },
  { what: "run", args: ["run", "model.safetensors", "table.csv"] },
  { what: "doctor --skip-training", args: ["doctor", "--skip-training"] },
])("$what does not load the training engine", async ({ args }) => {
  const loaded = await modulesLoadedBy(args);
  expect(loaded.filter((url) => url.includes("/src/cli/main.ts"))).not.toEqual([]);
  expect(loaded.filter((url) => /@jax-js|\/src\/(tensor|nn)\//.test(url))).toEqual([]);
});

test("training loads it, which shows that the test above would see it", async () => {
  const loaded = await modulesLoadedBy(["train", "--float", "--quantizer", "twn"]);
  expect(loaded.filter((url) => url.includes("@jax-js"))).not.toEqual([]);
});

/** Addresses of all modules that a run loads. */
async function modulesLoadedBy(args: readonly string[]): Promise<string[]> {
  const log = join(folder, `${args.join(" ").replaceAll("/", "-")}.log`);
  const hooks = `
    import { appendFileSync } from "node:fs";
    export async function load(url, context, nextLoad) {
      appendFileSync(${JSON.stringify(log)}, url + "\\n");
      return nextLoad(url, context);
    }`;
  const probe = join(folder, "probe.mjs");
  const address = JSON.stringify(`data:text/javascript,${encodeURIComponent(hooks)}`);
  await writeFile(probe, `import { register } from "node:module";\nregister(${address});\n`);
  const before = await readFile(log, "utf8").catch(() => "");
  await runCli(args, { cwd: folder, nodeArguments: ["--import", pathToFileURL(probe).href] });
  return (await readFile(log, "utf8")).slice(before.length).split("\n");
}
