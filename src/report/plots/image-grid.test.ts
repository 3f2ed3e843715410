import { expect, test } from "vitest";
import { elementsOf, numberOf, parseMarkup } from "../../../test/support/parse-markup.ts";
import { ShapeError } from "../../core/errors.ts";
import { pngAddress } from "../drawing/png.ts";
import { imageGrid } from "./image-grid.ts";

const image = { width: 2, height: 2, pixels: Uint8Array.of(0, 85, 170, 255) };
const draw = (labels: readonly string[], width = 500) =>
  parseMarkup(imageGrid({ title: "Mistakes", images: labels.map((label) => ({ image, label })), width }));

test("every picture is embedded, with its label below it", () => {
  const root = draw(["7 → 1", "4 → 9"]);
  const pictures = elementsOf(root, "image");
  expect(pictures.map(({ attributes }) => attributes.href)).toEqual([pngAddress(image), pngAddress(image)]);
  const labels = elementsOf(root, "text").filter(({ text }) => text.includes("→"));
  labels.forEach((label, i) => {
    expect(numberOf(label, "x")).toBe(numberOf(pictures[i], "x"));
    expect(numberOf(label, "y")).toBeGreaterThan(numberOf(pictures[i], "y") + 50);
  });
});

test("pictures fill rows and never overlap; longer labels leave room for fewer", () => {
  const labels = Array.from({ length: 20 }, (_, i) => `${i % 10} → ${(i + 3) % 10}`);
  const rowsOf = (labels: string[]) => new Set(elementsOf(draw(labels), "image").map((one) => numberOf(one, "y"))).size;
  const places = elementsOf(draw(labels), "image").map((one) => [numberOf(one, "x"), numberOf(one, "y")]);
  for (const [i, [x, y]] of places.entries()) {
    expect(x + 50).toBeLessThanOrEqual(500);
    for (const [otherX, otherY] of places.slice(0, i)) {
      expect(Math.abs(x - otherX) >= 50 || Math.abs(y - otherY) >= 50).toBe(true);
    }
  }
  expect(rowsOf(labels)).toBe(3);
  expect(rowsOf(labels.map((label) => `a longer label ${label}`))).toBeGreaterThan(3);
});

test("no pictures are said to be none, and wrong sizes refused", () => {
  expect(elementsOf(draw([]), "text").map(({ text }) => text)).toContain("no pictures");
  const broken = { image: { ...image, width: 3 }, label: "a" };
  expect(() => imageGrid({ title: "Mistakes", images: [broken] })).toThrow(ShapeError);
});
