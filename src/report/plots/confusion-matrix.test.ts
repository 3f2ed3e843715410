import { expect, test } from "vitest";
import { elementsOf, type MarkupElement, numberOf, parseMarkup } from "../../../test/support/parse-markup.ts";
import { ShapeError } from "../../core/errors.ts";
import { confusionMatrix } from "./confusion-matrix.ts";

const title = "Confusion";
const classes = ["cat", "dog", "owl"];
const counts = [
  [90, 10, 0],
  [1, 12_345, 4],
  [0, 0, 0],
];
const root = parseMarkup(confusionMatrix({ title, classes, counts }));
const texts = (root: MarkupElement) => elementsOf(root, "text").map(({ text }) => text);
const cell = (truth: string, prediction: string) => {
  const found = elementsOf(root, "rect").find(({ text }) => text.startsWith(`true ${truth}, predicted ${prediction}:`));
  if (found === undefined) throw new Error(`no cell for ${truth}, ${prediction}`);
  return found;
};

test("rows are true classes, columns predicted ones", () => {
  expect(cell("cat", "dog").text).toBe("true cat, predicted dog: 10 of 100");
  expect(cell("dog", "cat").text).toBe("true dog, predicted cat: 1 of 12,350");
  expect(numberOf(cell("cat", "dog"), "x")).toBeGreaterThan(numberOf(cell("cat", "cat"), "x"));
  expect(numberOf(cell("cat", "dog"), "y")).toBe(numberOf(cell("cat", "cat"), "y"));
  expect(numberOf(cell("dog", "cat"), "y")).toBeGreaterThan(numberOf(cell("cat", "cat"), "y"));
  expect(elementsOf(root, "rect")).toHaveLength(9);
});

test("mistakes have a colour of their own, stronger where there are more", () => {
  const look = (truth: string, prediction: string) => {
    const { attributes } = cell(truth, prediction);
    return { fill: attributes.fill, opacity: Number(attributes["fill-opacity"]) };
  };
  expect(look("cat", "cat").fill).toBe("var(--minus)");
  expect(look("cat", "dog")).toEqual({ fill: "var(--plus)", opacity: 0.75 });
  expect(look("cat", "dog").opacity).toBeGreaterThan(look("dog", "owl").opacity);
  expect(look("dog", "owl").opacity).toBeGreaterThan(look("dog", "cat").opacity);
  expect(look("dog", "cat").opacity).toBeGreaterThan(look("cat", "owl").opacity);
  expect(look("dog", "dog").opacity).toBeLessThan(look("cat", "dog").opacity);
});

test("counts, recall and the whole are printed; zeros are not", () => {
  expect(texts(root)).toEqual(expect.arrayContaining(["90", "10", "12k", "90.0%", "100.0%", "n/a", "recall"]));
  expect(texts(root)).not.toContain("0");
  expect(texts(root)).toContain("12,435 of 12,450 right; rows: true class, columns: predicted class");
});

test("many classes make a wider plot with a line of text per class; none, an empty one", () => {
  const many = Array.from({ length: 35 }, (_, i) => `word ${i}`);
  const wide = parseMarkup(
    confusionMatrix({ title, classes: many, counts: many.map((_, i) => many.map((_, j) => i + j)) }),
  );
  const sides = elementsOf(wide, "rect").map((rect) => numberOf(rect, "width"));
  expect(Math.min(...sides)).toBeGreaterThanOrEqual(14);
  expect(numberOf(wide, "width")).toBeGreaterThan(500);
  expect(texts(parseMarkup(confusionMatrix({ title, classes: [], counts: [] })))).toContain("no classes");
});

test("anything but a square of counts is refused", () => {
  expect(() => confusionMatrix({ title, classes, counts: counts.slice(1) })).toThrow(ShapeError);
  expect(() => confusionMatrix({ title, classes, counts: counts.map((row) => row.slice(1)) })).toThrow(
    "counts must be 3 x 3, one row and column per class, got rows of 2, 2, 2",
  );
  for (const wrong of [-1, 0.5, Number.NaN]) {
    expect(() => confusionMatrix({ title, classes: ["a"], counts: [[wrong]] })).toThrow(ShapeError);
  }
});
