/** The sources as the compiler parses them, and who imports whom: what the tests of the structure look at. */
import { readdirSync, readFileSync } from "node:fs";
import { join, posix, sep } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

/** The folder that holds package.json. */
export const repository: string = fileURLToPath(new URL("../..", import.meta.url));

/** One `import`, `export ... from`, `import()` or `import("...").Type` of a source file. */
export interface SourceImport {
  /** The file that imports, from the repository's root: `src/nn/linear.ts`. */
  readonly from: string;
  /** The file imported, likewise, or the specifier as it stands where it is a package: `node:fs`. */
  readonly to: string;
  /** 1-based. */
  readonly line: number;
  /** `type` is gone once compiled; `static` loads with the file, `dynamic` when it is asked for. */
  readonly kind: "type" | "static" | "dynamic";
}

/** A parsed source file, with a path from the repository's root and `/` between folders. */
export interface Source {
  readonly path: string;
  readonly tree: ts.SourceFile;
  readonly imports: readonly SourceImport[];
}

/** Every TypeScript file below `src` that is no test. */
export function readSources(): Source[] {
  return readdirSync(join(repository, "src"), { recursive: true, encoding: "utf8" })
    .map((path) => posix.join("src", path.split(sep).join("/")))
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"))
    .sort()
    .map((path) => parseSource(path, readFileSync(join(repository, path), "utf8")));
}

/** Parses one file; `path` says where its relative imports start. */
export function parseSource(path: string, text: string): Source {
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const imports: SourceImport[] = [];
  const add = (specifier: ts.Node | undefined, kind: SourceImport["kind"]): void => {
    if (!specifier || !ts.isStringLiteralLike(specifier)) return;
    const line = tree.getLineAndCharacterOfPosition(specifier.getStart()).line + 1;
    imports.push({ from: path, to: resolve(path, specifier.text), line, kind });
  };
  walk(tree, (node) => {
    // A clause whose names are all marked `type` still loads the module: verbatimModuleSyntax keeps `import {} from`.
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword ? "type" : "static");
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier, node.isTypeOnly ? "type" : "static");
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], "dynamic");
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node.argument.literal, "type");
    }
  });
  return { path, tree, imports };
}

/** Calls `visit` for every node below `tree`. */
export function walk(tree: ts.Node, visit: (node: ts.Node) => void): void {
  ts.forEachChild(tree, (child) => {
    visit(child);
    walk(child, visit);
  });
}

/** The folder right below `src` (`nn`), or the file's own name where it lies in `src` itself (`index.ts`). */
export function folderOf(path: string): string {
  return path.split("/")[1];
}

/**
 * The imports met on the way from `entry` along imports of the given kinds, each once.
 *
 * @throws Error when there is no such entry, so that a moved file does not leave a test without anything to look at
 */
export function importsReachableFrom(
  entry: string,
  kinds: readonly SourceImport["kind"][],
  sources: readonly Source[] = readSources(),
): SourceImport[] {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  if (!byPath.has(entry)) throw new Error(`${entry} does not exist`);
  const seen = new Set([entry]);
  const reached: SourceImport[] = [];
  for (const path of seen) {
    for (const found of byPath.get(path)?.imports ?? []) {
      if (!kinds.includes(found.kind)) continue;
      reached.push(found);
      seen.add(found.to);
    }
  }
  return reached;
}

/** How a test names an import that breaks a rule. */
export function describeImport(found: SourceImport): string {
  return `${found.from}:${found.line} imports ${found.to}`;
}

function resolve(from: string, specifier: string): string {
  return specifier.startsWith(".") ? posix.join(posix.dirname(from), specifier) : specifier;
}
