/** Rules about names that lint cannot state. */
import { basename } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import { activationRules } from "../../src/activation-rules/index.ts";
import { backends } from "../../src/backends/index.ts";
import { commands } from "../../src/cli/commands/index.ts";
import { presets } from "../../src/cli/presets/index.ts";
import { formats } from "../../src/formats/index.ts";
import { quantizers } from "../../src/quantizers/index.ts";
import { operations } from "../../src/runtime/ops/index.ts";
import { parseSource, readSources, walk } from "./source-graph.ts";

const sources = readSources();

test("file names say what is inside", () => {
  const vague = /^(utils?|helpers?|common|misc|shared|types|constants|impl|.*-(utils?|helpers?|impl))\.ts$/;
  expect(sources.map(({ path }) => path).filter((path) => vague.test(basename(path)))).toEqual([]);
});

/** What the lists name. */
const ids = new Set(
  [quantizers, activationRules, formats, backends, operations, presets, commands].flatMap((list) =>
    list.map(({ id }) => id),
  ),
);

/** Shared code reads a property of a quantizer, format, backend or operation; only a list knows which there are. */
test("no code asks for an id by name", () => {
  const questions = sources.flatMap(({ path, tree }) => questionsIn(tree).map((question) => `${path}: ${question}`));
  expect(questions).toEqual([]);
});

test.each([
  ['if (backend.id === "later") {}', true],
  ['const isAdd = node.op !== "add";', true],
  ['if ("bitnet" == quantizer) {}', true],
  ['switch (format) { case "base3": break; }', true],
  ['const known = ["int8", "sign"].includes(rule);', true],
  ['if (layer === "float") {}', false],
  ['const format = "base3";', false],
])("%s: an id is asked for: %s", (text, isQuestion) => {
  expect(questionsIn(parseSource("src/example.ts", text).tree)).toHaveLength(isQuestion ? 1 : 0);
});

/** Comparisons of an `id` or `op` with a text, and of anything with a text that is an id of a list. */
function questionsIn(tree: ts.SourceFile): string[] {
  const found: string[] = [];
  walk(tree, (node) => {
    if (asksForId(node)) found.push(node.getText());
  });
  return found;
}

function asksForId(node: ts.Node): boolean {
  if (ts.isCaseClause(node)) return isId(node.expression);
  if (ts.isCallExpression(node)) {
    const { expression } = node;
    if (!ts.isPropertyAccessExpression(expression) || expression.name.text !== "includes") return false;
    return ts.isArrayLiteralExpression(expression.expression) && expression.expression.elements.some(isId);
  }
  if (!ts.isBinaryExpression(node) || !isEquality(node.operatorToken.kind)) return false;
  const sides = [node.left, node.right];
  const isOfMember = sides.some((side) => ts.isPropertyAccessExpression(side) && ["id", "op"].includes(side.name.text));
  return sides.some((side) => isId(side) || (isOfMember && ts.isStringLiteralLike(side)));
}

function isId(node: ts.Node): boolean {
  return ts.isStringLiteralLike(node) && ids.has(node.text);
}

function isEquality(kind: ts.SyntaxKind): boolean {
  return [
    ts.SyntaxKind.EqualsEqualsEqualsToken,
    ts.SyntaxKind.ExclamationEqualsEqualsToken,
    ts.SyntaxKind.EqualsEqualsToken,
    ts.SyntaxKind.ExclamationEqualsToken,
  ].includes(kind);
}
