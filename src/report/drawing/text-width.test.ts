import fc from "fast-check";
import { expect, test } from "vitest";
import { fitText, textWidth } from "./text-width.ts";

test("a text that fits stays as it is, a longer one ends in an ellipsis and fits", () => {
  expect(fitText("layers.0", 100)).toBe("layers.0");
  expect(fitText("layers.0.attention.projection", 100)).toMatch(/^layers\.0\.att.*…$/);
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 12, max: 300 }), (text, width) => {
      expect(textWidth(fitText(text, width))).toBeLessThanOrEqual(width);
    }),
  );
});

test("widths grow with the size of the font, and wide characters are wider", () => {
  expect(textWidth("abc", 24)).toBeCloseTo(2 * textWidth("abc", 12), 10);
  expect(textWidth("iii")).toBeLessThan(textWidth("aaa"));
  expect(textWidth("aaa")).toBeLessThan(textWidth("漢漢漢"));
});
