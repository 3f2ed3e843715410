import fc from "fast-check";
import { expect, test } from "vitest";
import { visibleText } from "./visible-text.ts";

test.each([
  ["layers.0.weight", "layers.0.weight"],
  ["größe, 層", "größe, 層"],
  ["a\nb", "a\\nb"],
  ["\u001b[31mred", "\\u{1b}[31mred"],
  ["\u202egnirts", "\\u{202e}gnirts"],
  ["\ud800", "\\u{d800}"],
])("%j is shown as %j", (text, shown) => {
  expect(visibleText(text)).toBe(shown);
});

test("nothing that a terminal acts on is left", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(visibleText(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    }),
  );
});
