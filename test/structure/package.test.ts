/** The package as somebody gets it: built into a scratch folder, and imported by its own name from there. */
import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { repository } from "./source-graph.ts";

interface Manifest {
  exports: Record<string, string | Record<string, string>>;
  bin: Record<string, string>;
  dependencies: Record<string, string>;
}

const run = promisify(execFile);
const compiler = join(repository, "node_modules/typescript/bin/tsc");
const manifest: Manifest = JSON.parse(await readFile(join(repository, "package.json"), "utf8"));
let installed: string;

beforeAll(async () => {
  installed = await mkdtemp(join(tmpdir(), "bitlinear-package-"));
  await cp(join(repository, "package.json"), join(installed, "package.json"));
  await symlink(join(repository, "node_modules"), join(installed, "node_modules"), "junction");
  // Types are checked by `npm run check`; isolatedDeclarations lets them be written without.
  const project = join(repository, "tsconfig.build.json");
  await run(process.execPath, [compiler, "-p", project, "--outDir", join(installed, "dist"), "--noCheck"]);
});

afterAll(() => rm(installed, { recursive: true, force: true }));

test("every path that package.json exports exists", async () => {
  const targets = Object.values(manifest.exports).flatMap((entry) =>
    typeof entry === "string" ? [entry] : Object.values(entry),
  );
  for (const target of [...targets, ...Object.values(manifest.bin)]) {
    expect((await stat(join(installed, target))).isFile(), target).toBe(true);
  }
});

test("commands start with the line that makes them runnable", async () => {
  for (const target of Object.values(manifest.bin)) {
    expect(await readFile(join(installed, target), "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
  }
});

test("the build holds no tests, and types for every module", async () => {
  const files = await readdir(join(installed, "dist"), { recursive: true });
  expect(files.filter((file) => file.includes(".test."))).toEqual([]);
  const modules = files.filter((file) => file.endsWith(".js"));
  expect(modules.length).toBeGreaterThan(0);
  expect(modules.filter((file) => !files.includes(file.replace(/\.js$/, ".d.ts")))).toEqual([]);
});

test("bitlinear loads no training engine and no other dependency", async () => {
  const loaded = await modulesLoadedBy("bitlinear");
  expect(loaded).toContain(join(installed, "dist/index.js"));
  expect(loaded.filter((path) => path.includes("node_modules"))).toEqual([]);
  expect(loaded.filter((path) => /dist[\\/](tensor|nn|convert|report|cli)[\\/]/.test(path))).toEqual([]);
});

test("bitlinear/nn loads the training engine, which shows that the test above would see it", async () => {
  const loaded = await modulesLoadedBy("bitlinear/nn");
  expect(loaded.filter((path) => /node_modules[\\/]@jax-js[\\/]jax[\\/]/.test(path))).not.toEqual([]);
});

// Without skipLibCheck, which many projects leave off: the engine's own declarations need a newer library than ours, so
// this holds only while ours never mention it.
test.each(["es2023", "es2023,esnext.disposable,dom,dom.iterable"])(
  "a strict project with the library %s accepts the types of every entry",
  async (library) => {
    const entries = ["bitlinear", "bitlinear/nn", "bitlinear/convert", "bitlinear/datasets"];
    const lines = entries.map((entry, i) => `import * as names${i} from "${entry}";\nexport { names${i} };\n`);
    const consumer = join(installed, "consumer.ts");
    await writeFile(consumer, lines.join(""));
    const options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2023", "--types", "node"];
    // tsc prints what it finds to standard output, and exits with an error.
    const { stdout } = await run(
      process.execPath,
      [compiler, consumer, ...options, "--lib", library, "--skipLibCheck", "false"],
      { cwd: installed },
    ).catch((failure: { stdout: string }) => failure);
    expect(stdout).toBe("");
  },
);

/** Paths of all modules that Node loads for `import(specifier)`, in a process of its own; Node's own modules left out. */
async function modulesLoadedBy(specifier: string): Promise<string[]> {
  const hooks = `
    import { writeSync } from "node:fs";
    export async function load(url, context, nextLoad) {
      writeSync(1, url + "\\n");
      return nextLoad(url, context);
    }`;
  const script = `
    import { register } from "node:module";
    register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hooks)}`)});
    await import(${JSON.stringify(specifier)});`;
  // From a file, because its folder decides which package "bitlinear" is.
  const probe = join(installed, "probe.mjs");
  await writeFile(probe, script);
  const { stdout } = await run(process.execPath, [probe]);
  return stdout
    .split("\n")
    .filter((url) => url.startsWith("file:"))
    .map((url) => fileURLToPath(url));
}
