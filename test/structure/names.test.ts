/** Rules about names that lint cannot state. */
import { basename } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import { readSources, walk } from "./source-graph.ts";

const sources = readSources();

test("file names say what is inside", () => {
  const vague = /^(utils?|helpers?|common|misc|shared|types|constants|impl|.*-(utils?|helpers?|impl))\.ts$/;
  expect(sources.map(({ path }) => path).filter((path) => vague.test(basename(path)))).toEqual([]);
});

/** Shared code reads a property of a quantizer, format or backend; only a list knows which there are. */
test("no code asks for an id by name", () => {
  const questions = sources.flatMap(({ path, tree }) => {
    const found: string[] = [];
    walk(tree, (node) => {
      if (!ts.isBinaryExpression(node) || !isEquality(node.operatorToken.kind)) return;
      const sides = [node.left, node.right];
      if (!sides.some((side) => ts.isPropertyAccessExpression(side) && side.name.text === "id")) return;
      if (sides.some((side) => ts.isStringLiteralLike(side))) found.push(`${path}: ${node.getText()}`);
    });
    return found;
  });
  expect(questions).toEqual([]);
});

function isEquality(kind: ts.SyntaxKind): boolean {
  return [
    ts.SyntaxKind.EqualsEqualsEqualsToken,
    ts.SyntaxKind.ExclamationEqualsEqualsToken,
    ts.SyntaxKind.EqualsEqualsToken,
    ts.SyntaxKind.ExclamationEqualsToken,
  ].includes(kind);
}
