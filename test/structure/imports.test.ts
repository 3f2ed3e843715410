/** Rules about imports that lint cannot state; the ranks themselves are in biome.json. */
import { builtinModules } from "node:module";
import ts from "typescript";
import { expect, test } from "vitest";
import {
  describeImport,
  folderOf,
  importsReachableFrom,
  parseSource,
  readSources,
  type Source,
} from "./source-graph.ts";

const sources = readSources();
const imports = sources.flatMap((source) => source.imports);

/** Folders whose members are reached through their list, and through nothing else. */
const listedFolders = ["src/quantizers", "src/activation-rules", "src/formats", "src/backends"];

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

test("siblings of an open set do not import each other", () => {
  const sets = openSets();
  expect(sets.map(({ folder }) => folder)).toEqual(expect.arrayContaining(listedFolders));
  for (const { members } of sets) {
    const between = imports.filter(({ from, to }) => {
      const importer = members.find((member) => belongsTo(from, member));
      const imported = members.find((member) => belongsTo(to, member));
      return importer !== undefined && imported !== undefined && importer !== imported;
    });
    expect(between.map(describeImport)).toEqual([]);
  }
});

test("quantizers, activation rules, formats and backends are named only in their list", () => {
  for (const { folder, members } of openSets().filter((set) => listedFolders.includes(set.folder))) {
    expect(members, `${folder}/index.ts lists nothing`).not.toEqual([]);
    const past = imports.filter(
      ({ from, to }) => from !== `${folder}/index.ts` && members.some((m) => belongsTo(to, m) && !belongsTo(from, m)),
    );
    expect(past.map(describeImport)).toEqual([]);
  }
});

test("backends are opened by dynamic imports", () => {
  const eager = imports.filter(
    ({ from, to, kind }) => from === "src/backends/index.ts" && kind === "static" && !isContract(to),
  );
  expect(eager.filter(({ to }) => to.startsWith("src/backends/")).map(describeImport)).toEqual([]);
});

test.each(["src/index.ts", "src/nn/index.ts", "src/convert/index.ts"])("%s loads in a browser", (entry) => {
  const builtin = new Set(builtinModules);
  const loaded = importsReachableFrom(entry, ["static"], sources);
  const ofNode = loaded.filter(({ to }) => to.startsWith("node:") || builtin.has(to));
  expect(ofNode.map(describeImport)).toEqual([]);
});

test("inference never reaches the training engine, not even by a dynamic import", () => {
  const reached = importsReachableFrom("src/index.ts", ["static", "dynamic"], sources);
  const training = reached.filter(({ to }) => /^(@jax-js\/|src\/(tensor|nn|convert)\/)/.test(to));
  expect(training.map(describeImport)).toEqual([]);
});

test("src/index.ts holds re-exports, nothing else", () => {
  const index = sources.find((source) => source.path === "src/index.ts");
  const others = index?.tree.statements.filter((node) => !(ts.isExportDeclaration(node) && node.moduleSpecifier));
  expect(others?.map((node) => node.getText())).toEqual([]);
});

interface OpenSet {
  /** `src/quantizers` */
  readonly folder: string;
  /** What its list imports: files, or folders that have an index of their own. */
  readonly members: readonly string[];
}

/** The folders `xs` that hold a list, `index.ts`, and a contract, `x.ts`. */
function openSets(): OpenSet[] {
  return sources.filter(isList).map(({ path, imports }) => {
    const folder = path.slice(0, -"/index.ts".length);
    const listed = imports.filter(({ to, kind }) => kind !== "type" && to.startsWith(`${folder}/`) && !isContract(to));
    return { folder, members: [...new Set(listed.map(({ to }) => to.replace(/\/index\.ts$/, "")))] };
  });
}

function isList({ path }: Source): boolean {
  return path.endsWith("s/index.ts") && sources.some((other) => isContract(other.path) && sameFolder(other.path, path));
}

/** Whether the file is named by the singular of its folder: `src/formats/format.ts`. */
function isContract(path: string): boolean {
  const [folder, file] = path.split("/").slice(-2);
  return `${file?.slice(0, -".ts".length)}s` === folder;
}

function sameFolder(one: string, other: string): boolean {
  return one.slice(0, one.lastIndexOf("/")) === other.slice(0, other.lastIndexOf("/"));
}

function belongsTo(path: string, member: string): boolean {
  return path === member || path.startsWith(`${member}/`);
}
