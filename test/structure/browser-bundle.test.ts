/** What a bundler for browsers makes of each entry. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { repository } from "./source-graph.ts";

const manifest: { exports: Record<string, unknown> } = JSON.parse(
  readFileSync(join(repository, "package.json"), "utf8"),
);
const entries = Object.entries(manifest.exports)
  .filter((entry): entry is [string, { default: string }] => typeof entry[1] === "object")
  .map(([name, { default: file }]): [string, string] => [
    name,
    file.replace("./dist/", "src/").replace(/\.js$/, ".ts"),
  ]);

/** Paths of everything that a bundle of an entry holds. A module of Node fails the build: browsers have none. */
async function bundledFiles(file: string): Promise<string[]> {
  const { metafile } = await build({
    absWorkingDir: repository,
    entryPoints: [file],
    bundle: true,
    platform: "browser",
    format: "esm",
    target: "es2022",
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  return Object.keys(metafile.inputs);
}

test.each(entries)("%s can be bundled for browsers", async (_, file) => {
  const files = await bundledFiles(file);
  expect(files).toContain(file);
});

test("bitlinear brings no training engine into a bundle, and bitlinear/nn shows that this test would see it", async () => {
  const isEngine = (path: string) => path.includes("node_modules/@jax-js/");
  expect((await bundledFiles("src/index.ts")).filter(isEngine)).toEqual([]);
  expect((await bundledFiles("src/nn/index.ts")).filter(isEngine)).not.toEqual([]);
});
