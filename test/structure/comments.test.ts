/** Rules about comments that neither lint nor the API docs state: typedoc cannot ask it of functions and spare methods. */
import ts from "typescript";
import { expect, test } from "vitest";
import { readSources } from "./source-graph.ts";

test("every export has its sentence", () => {
  const bare = readSources().flatMap(({ path, tree }) =>
    tree.statements
      .filter((node) => ts.canHaveModifiers(node) && ts.getModifiers(node)?.some(isExport))
      .filter((node) => !ts.getJSDocCommentsAndTags(node).some(hasSentence))
      .map((node) => `${path}: ${node.getText().split("\n")[0]}`),
  );
  expect(bare).toEqual([]);
});

function isExport({ kind }: ts.Modifier): boolean {
  return kind === ts.SyntaxKind.ExportKeyword;
}

/** The sentence may stand in a tag: `@throws ShapeError when ...` says all there is to say about a check. */
function hasSentence(comment: ts.JSDoc | ts.JSDocTag): boolean {
  const parts = ts.isJSDoc(comment) ? [comment, ...(comment.tags ?? [])] : [comment];
  return parts.some((part) => (ts.getTextOfJSDocComment(part.comment) ?? "").trim() !== "");
}
