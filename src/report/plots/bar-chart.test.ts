import { expect, test } from "vitest";
import { elementsOf, hasClass, numberOf, parseMarkup } from "../../../test/support/parse-markup.ts";
import { ShapeError } from "../../core/errors.ts";
import { formatBytes } from "../../core/number-format.ts";
import { textWidth } from "../drawing/text-width.ts";
import { type BarChart, barChart } from "./bar-chart.ts";

const memory: BarChart = {
  title: "Memory",
  label: "bytes",
  groups: ["layers.0", "layers.3", "total"],
  series: [
    { name: "float32", values: [800_000, 200_000, 1_000_000] },
    { name: "packed", values: [40_000, 0, 40_000], labels: ["40 kB (20×)", "none", "40 kB"] },
  ],
  format: formatBytes,
  isLastTotal: true,
};
const bars = (chart: BarChart) => {
  const root = parseMarkup(barChart(chart));
  return elementsOf(root, "rect").filter((rect) => numberOf(rect, "height") === 14);
};

test("bars are as long as their values, and zero has no length", () => {
  const lengths = bars(memory).map((bar) => numberOf(bar, "width"));
  const longest = Math.max(...lengths);
  const expected = [0.8, 0.04, 0.2, 0, 1, 0.04].map((share) => share * longest);
  expected.forEach((length, i) => {
    expect(lengths[i]).toBeCloseTo(length, 1); // both are rounded to 0.01 pixels
  });
  expect(longest).toBeGreaterThan(250);
});

test("every bar is labelled in its unit, inside the frame", () => {
  const root = parseMarkup(barChart(memory));
  const texts = elementsOf(root, "text");
  for (const label of ["800 kB", "200 kB", "1 MB", "40 kB (20×)", "none", "layers.3", "float32", "packed"]) {
    const found = texts.find(({ text }) => text === label);
    expect(found, label).toBeDefined();
    if (found) expect(numberOf(found, "x") + textWidth(label)).toBeLessThanOrEqual(500);
  }
  expect(bars(memory).map((bar) => bar.text)[1]).toBe("layers.0, packed: 40 kB (20×)");
});

test("the total is set apart", () => {
  const strong = (chart: BarChart) =>
    elementsOf(parseMarkup(barChart(chart)), "text")
      .filter((text) => hasClass(text, "strong"))
      .map(({ text }) => text);
  expect(strong(memory)).toEqual(["total", "1 MB", "40 kB"]);
  expect(strong({ ...memory, isLastTotal: false })).toEqual([]);
});

test("charts without groups, or of nothing but zeros, are drawn", () => {
  const root = parseMarkup(barChart({ title: "Memory", label: "bytes", groups: [], series: [] }));
  expect(elementsOf(root, "text").map(({ text }) => text)).toContain("no data");
  const zeros = bars({ title: "Memory", label: "bytes", groups: ["a"], series: [{ name: "b", values: [0] }] });
  expect(zeros.map((bar) => numberOf(bar, "width"))).toEqual([0]);
});

test("missing, negative and infinite amounts are refused", () => {
  const withValues = (values: number[]): BarChart => ({ ...memory, groups: ["a"], series: [{ name: "b", values }] });
  expect(() => barChart(withValues([1, 2]))).toThrow("series b must have a value per group (1), got 2");
  for (const value of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => barChart(withValues([value]))).toThrow(ShapeError);
  }
});
