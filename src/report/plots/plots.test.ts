/** What holds for every plot, whatever it shows. */
import { expect, test } from "vitest";
import { elementsOf, type MarkupElement, numberOf, parseMarkup } from "../../../test/support/parse-markup.ts";
import { textWidth } from "../drawing/text-width.ts";
import { barChart } from "./bar-chart.ts";
import { confusionMatrix } from "./confusion-matrix.ts";
import { histogram } from "./histogram.ts";
import { imageGrid } from "./image-grid.ts";
import { lineChart } from "./line-chart.ts";

const image = { width: 2, height: 1, pixels: Uint8Array.of(0, 255) };
const weights = { weights: Float32Array.of(-1, 0.1, 1), trits: Int8Array.of(-1, 0, 1), scales: Float32Array.of(1) };

/** Each plot with a text wherever it takes one. */
const plots: Record<string, (text: string) => string> = {
  lineChart: (text) =>
    lineChart({
      title: text,
      series: [{ name: text, points: [{ x: 1, y: 2 }] }],
      x: { label: text },
      y: { label: text },
      lines: [{ axis: "x", value: 1, label: text }],
      areas: [{ axis: "y", from: 1, to: 2, label: text }],
    }),
  histogram: (text) => histogram({ name: text, ...weights }),
  barChart: (text) =>
    barChart({ title: text, label: text, groups: [text], series: [{ name: text, values: [1], labels: [text] }] }),
  confusionMatrix: (text) =>
    confusionMatrix({
      title: text,
      classes: [text, text],
      counts: [
        [1, 2],
        [0, 3],
      ],
    }),
  imageGrid: (text) => imageGrid({ title: text, images: [{ image, label: text }] }),
};
const each = Object.entries(plots);

test.each(each)("%s shows hostile labels as text", (_, plot) => {
  const hostile = `<script>alert(1)</script>"' onload="x" ]]> & \u001b`;
  const svg = plot(hostile);
  const root = parseMarkup(svg);
  expect(svg).not.toContain("<script");
  expect(elementsOf(root, "*").flatMap(({ attributes }) => Object.keys(attributes))).not.toContain("onload");
  expect(elementsOf(root, "title")[0].text).toBe(hostile.replace("\u001b", "\uFFFD"));
});

test.each(each)("%s names itself to those who cannot see it, and points nowhere", (_, plot) => {
  const svg = plot("Loss");
  const root = parseMarkup(svg);
  expect(root.name).toBe("svg");
  expect(root.attributes.role).toBe("img");
  expect(root.attributes["aria-label"]).toMatch(/^Loss\. ./);
  expect(root.children[0]).toMatchObject({ name: "title", text: "Loss" });
  expect(svg.replace("http://www.w3.org/2000/svg", "")).not.toMatch(/https?:|url\(|@import|xlink/);
});

test.each(each)("%s is the same each time", (_, plot) => expect(plot("a")).toBe(plot("a")));

test.each(each)("%s keeps all texts inside its frame, short or long", (_, plot) => {
  for (const text of ["a", "a name of some length", "a name that is much too long for its place: ".repeat(3)]) {
    const root = parseMarkup(plot(text));
    const labels = elementsOf(root, "text").filter(({ attributes }) => attributes.transform === undefined);
    for (const label of labels) {
      const [left, right] = reach(label);
      expect(left, label.text).toBeGreaterThanOrEqual(-0.01); // coordinates are rounded to hundredths
      expect(right, label.text).toBeLessThanOrEqual(numberOf(root, "width") + 0.01);
      expect(numberOf(label, "y")).toBeLessThan(numberOf(root, "height"));
    }
  }
});

/** From where to where a text reaches. */
function reach(label: MarkupElement): [number, number] {
  const x = numberOf(label, "x");
  const width = textWidth(label.text);
  const classes = label.attributes.class ?? "";
  if (classes.includes("end")) return [x - width, x];
  return classes.includes("middle") ? [x - width / 2, x + width / 2] : [x, x + width];
}
