import { expect, test } from "vitest";
import { elementsOf, numberOf, parseMarkup } from "../../../test/support/parse-markup.ts";
import { BELOW_TITLE, drawLegend, LINE_HEIGHT } from "./frame.ts";
import { textWidth } from "./text-width.ts";

const draw = (labels: readonly string[], width: number) => {
  const legend = drawLegend(
    labels.map((label) => ({ label, color: "red", shape: "line" })),
    width,
  );
  const entries = elementsOf(parseMarkup(legend.content.text), "text").map((entry) => ({
    label: entry.text,
    x: numberOf(entry, "x"),
    y: numberOf(entry, "y"),
  }));
  return { entries, height: legend.height };
};

test("a legend that fits stands in one row, entries one after the other", () => {
  const { entries, height } = draw(["a", "a longer one", "b"], 500);
  expect(height).toBe(LINE_HEIGHT);
  expect(new Set(entries.map(({ y }) => y))).toEqual(new Set([BELOW_TITLE]));
  for (let i = 1; i < entries.length; i++) {
    expect(entries[i].x).toBeGreaterThan(entries[i - 1].x + textWidth(entries[i - 1].label) + 20); // and its swatch
  }
});

test("a longer legend stands in even columns", () => {
  const { entries, height } = draw(["float, training", "float, validation", "b, training", "b, validation"], 300);
  expect(height).toBe(2 * LINE_HEIGHT);
  const [first, second, third, fourth] = entries;
  expect([third.x, fourth.x]).toEqual([first.x, second.x]);
  expect([second.y - first.y, third.y - first.y, fourth.y - third.y]).toEqual([0, LINE_HEIGHT, 0]);
  expect(second.x).toBeGreaterThan(first.x + textWidth("float, validation") + 20);
});

test("an entry wider than the plot is cut, no entries take no height", () => {
  const { entries } = draw(["an entry of a legend that is far too long"], 120);
  expect(entries[0].label).toMatch(/^an entry.*…$/);
  expect(entries[0].x + textWidth(entries[0].label)).toBeLessThanOrEqual(120);
  expect(draw([], 120).height).toBe(0);
});
