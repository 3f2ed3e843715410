/** Rules about imports that lint cannot state; the ranks themselves are in biome.json. */
import { builtinModules } from "node:module";
import { basename } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import {
  describeImport,
  folderOf,
  importsReachableFrom,
  parseSource,
  readSources,
  type SourceImport,
} from "./source-graph.ts";

const sources = readSources();
const imports = sources.flatMap((source) => source.imports);

/** Open sets whose members are reached through their list, and through nothing else. */
const closedLists = [
  ...["src/quantizers", "src/activation-rules", "src/formats", "src/backends", "src/runtime/ops"],
  ...["src/convert/checkpoints", "src/convert/targets"],
];
/** All open sets: one contract, one list, siblings that do not know each other. */
const openSets = [...closedLists, "src/nn/optimizers", "src/cli/commands"];

test("imports are read with their kind", () => {
  const text = `
    import type { A } from "./a.ts";
    import { type B, b } from "../b.ts";
    import "./c.ts";
    export * from "./d.ts";
    export type { E } from "./e.ts";
    const f = await import("./f.ts");
    type G = import("./g.ts").G;
    import * as h from "node:fs";`;
  expect(parseSource("src/x/y.ts", text).imports.map(({ to, kind, line }) => [to, kind, line])).toEqual([
    ["src/x/a.ts", "type", 2],
    ["src/b.ts", "static", 3],
    ["src/x/c.ts", "static", 4],
    ["src/x/d.ts", "static", 5],
    ["src/x/e.ts", "type", 6],
    ["src/x/f.ts", "dynamic", 7],
    ["src/x/g.ts", "type", 8],
    ["node:fs", "static", 9],
  ]);
});

test("relative imports lead to a source file", () => {
  const paths = new Set(sources.map((source) => source.path));
  const astray = imports.filter(({ to }) => to.startsWith("src/") && !paths.has(to));
  expect(astray.map(describeImport)).toEqual([]);
});

test("sources import neither what lies outside src nor the package by its own name", () => {
  const outside = imports.filter(({ to }) => /^(\.\.|test\/|bench\/|examples\/|dist\/|bitlinear(\/|$))/.test(to));
  expect(outside.map(describeImport)).toEqual([]);
});

test("quantizers and activation rules take only types from tensor and from each other", () => {
  const rules = ["quantizers", "activation-rules"];
  const loading = imports.filter(
    ({ from, to, kind }) =>
      kind !== "type" &&
      rules.includes(folderOf(from)) &&
      to.startsWith("src/") &&
      folderOf(to) !== folderOf(from) &&
      ["tensor", ...rules].includes(folderOf(to)),
  );
  expect(loading.map(describeImport)).toEqual([]);
});

test.each(openSets)("siblings in %s do not import each other", (folder) => {
  const members = membersOf(folder);
  const between = imports.filter(({ from, to }) => {
    const importer = members.find((member) => belongsTo(from, member));
    const imported = members.find((member) => belongsTo(to, member));
    return importer !== undefined && imported !== undefined && importer !== imported;
  });
  expect(between.map(describeImport)).toEqual([]);
});

test.each(closedLists)("what stands in %s is named only in its list", (folder) => {
  const members = membersOf(folder);
  expect(members, `${folder}/index.ts lists nothing`).not.toEqual([]);
  const past = imports.filter(
    ({ from, to }) =>
      from !== `${folder}/index.ts` && members.some((member) => belongsTo(to, member) && !belongsTo(from, member)),
  );
  expect(past.map(describeImport)).toEqual([]);
});

test("backends are opened by dynamic imports", () => {
  const eager = imports.filter(
    ({ from, to, kind }) => from === "src/backends/index.ts" && kind === "static" && isInside("src/backends", to),
  );
  expect(eager.map(describeImport)).toEqual([]);
});

test.each(["src/index.ts", "src/nn/index.ts", "src/convert/index.ts", "src/datasets/index.ts"])(
  "%s loads in a browser",
  (entry) => {
    const loaded = importsReachableFrom(entry, ["static"], sources);
    expect(loaded.filter(isOfNode).map(describeImport)).toEqual([]);
  },
);

/** Lint lets all of `datasets` name Node's modules, because it takes a dynamic import for a static one. */
test("datasets load Node's modules only when they read files", () => {
  const eager = imports.filter((found) => folderOf(found.from) === "datasets" && found.kind === "static");
  expect(eager.filter(isOfNode).map(describeImport)).toEqual([]);
});

test("inference never reaches the training engine, not even by a dynamic import", () => {
  const reached = importsReachableFrom("src/index.ts", ["static", "dynamic"], sources);
  const training = reached.filter(({ to }) => /^(@jax-js\/|src\/(tensor|nn|convert)\/)/.test(to));
  expect(training.map(describeImport)).toEqual([]);
});

test("inference loads no readers of other files than models", () => {
  const files = new Set(importsReachableFrom("src/index.ts", ["static"], sources).map(({ to }) => to));
  expect(files).toContain("src/files/safetensors.ts");
  expect([...files].filter((to) => /^src\/files\/(gguf\/|onnx\/|csv|idx|index|np[yz]|text|wav|zip)/.test(to))).toEqual(
    [],
  );
});

test("src/index.ts holds re-exports, nothing else", () => {
  const index = sources.find((source) => source.path === "src/index.ts");
  const others = index?.tree.statements.filter((node) => !(ts.isExportDeclaration(node) && node.moduleSpecifier));
  expect(others?.map((node) => node.getText())).toEqual([]);
});

function isOfNode({ to }: SourceImport): boolean {
  return to.startsWith("node:") || builtinModules.includes(to);
}

/** What the list of an open set imports, or all it holds where it has no list: files, or folders with an index of their own. */
function membersOf(folder: string): string[] {
  const list = sources.find(({ path }) => path === `${folder}/index.ts`);
  const listed = list?.imports.filter(({ kind }) => kind !== "type").map(({ to }) => to);
  const paths = (listed ?? sources.map(({ path }) => path)).filter((path) => isInside(folder, path));
  return [...new Set(paths.map((path) => path.replace(/\/index\.ts$/, "")))];
}

/** Whether a file is one of the folder's own, its contract aside, which has the folder's name in the singular. */
function isInside(folder: string, path: string): boolean {
  const contract = `${folder}/${basename(folder).slice(0, -1)}.ts`;
  return path.startsWith(`${folder}/`) && path !== contract;
}

function belongsTo(path: string, member: string): boolean {
  return path === member || path.startsWith(`${member}/`);
}
