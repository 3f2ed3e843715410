import fc from "fast-check";
import { expect, test } from "vitest";
import { elementsOf, type MarkupElement, numberOf, parseMarkup } from "../../../test/support/parse-markup.ts";
import { ShapeError } from "../../core/errors.ts";
import { RandomSource } from "../../core/random.ts";
import { histogram, type LayerWeights } from "./histogram.ts";

/** A layer quantized by a threshold of half the scale of each row. */
function layer(rowCount: number, scales: readonly number[], deviation = 1): LayerWeights {
  const random = new RandomSource(5);
  const columnCount = 500;
  const weights = Float32Array.from({ length: rowCount * columnCount }, () => random.normal(0, deviation));
  const trits = Int8Array.from(weights, (weight, i) => {
    const scale = scales[scales.length === 1 ? 0 : Math.floor(i / columnCount)];
    return Math.abs(weight) > scale / 2 ? Math.sign(weight) : 0;
  });
  return { name: "layer", weights, trits, scales: Float32Array.from(scales) };
}

const texts = (root: MarkupElement) => elementsOf(root, "text").map(({ text }) => text);
const positionOf = (root: MarkupElement, label: string, attribute: string) => {
  const found = elementsOf(root, "text").find(({ text }) => text === label);
  return found ? numberOf(found, attribute) : Number.NaN;
};

/** The bars of a path: `M x,top h width v height`. */
function barsOf(path: MarkupElement): { left: number; right: number; height: number }[] {
  return [...path.attributes.d.matchAll(/M([\d.]+),[\d.]+h([\d.]+)v([\d.]+)/g)].map(([, left, width, height]) => ({
    left: Number(left),
    right: Number(left) + Number(width),
    height: Number(height),
  }));
}

test("the bars of each trit hold its weights", () => {
  const weights = Float32Array.from([-1, -1, -0.9, -0.2, 0, 0.1, 0.2, 0.9, 1, 1]);
  const trits = Int8Array.from([-1, -1, -1, 0, 0, 0, 0, 1, 1, 1]);
  const root = parseMarkup(histogram({ name: "layer", weights, trits, scales: Float32Array.of(1) }));
  const pixelsPerWeight = positionOf(root, "0", "y") - positionOf(root, "1", "y");
  const counts = elementsOf(root, "path").map((path) =>
    barsOf(path).reduce((sum, { height }) => sum + height / pixelsPerWeight, 0),
  );
  expect(counts.map((count) => Math.round(count * 10) / 10)).toEqual([3, 4, 3]);
  expect(elementsOf(root, "path").map(({ attributes }) => attributes.fill)).toEqual([
    "var(--minus)",
    "var(--zero)",
    "var(--plus)",
  ]);
});

test("the weight at the very end of the axis is counted", () => {
  const weights = Float32Array.of(-1, -0.5, 0.5, 1);
  const trits = Int8Array.from(weights, Math.sign);
  const root = parseMarkup(histogram({ name: "a", weights, trits, scales: Float32Array.of(0.1) }));
  expect(elementsOf(root, "path").flatMap(barsOf)).toHaveLength(4);
});

test("shares, scale and thresholds are printed, levels and thresholds marked where they are", () => {
  const root = parseMarkup(histogram(layer(4, [1])));
  const shares = texts(root).filter((text) => /^(−1|0|\+1): /.test(text));
  expect(shares.map((text) => Number.parseFloat(text.split(": ")[1])).reduce((a, b) => a + b)).toBeCloseTo(100, 0);
  expect(texts(root)).toContain("2,000 weights, scale s = 1");

  const [minus, zero, plus] = ["−s", "0", "+s"].map(
    (label) =>
      elementsOf(root, "text")
        .filter(({ text }) => text === label)
        .map((text) => numberOf(text, "x"))
        .at(-1) ?? 0,
  );
  expect(zero - minus).toBeCloseTo(plus - zero, 1);
  const dotted = elementsOf(root, "line").filter(({ attributes }) => attributes["stroke-dasharray"] === "2 3");
  const [low, high] = dotted.map((line) => numberOf(line, "x1"));
  // Half the scale, up to the gap that 2,000 weights leave around it: some hundredths of the scale.
  expect((zero - low) / (zero - minus)).toBeCloseTo(0.5, 1);
  expect((high - zero) / (plus - zero)).toBeCloseTo(0.5, 1);

  const bars = elementsOf(root, "path").map(barsOf);
  const binWidth = 320 / 60;
  expect(Math.max(...bars[0].map(({ right }) => right))).toBeLessThan(low + binWidth);
  expect(Math.min(...bars[2].map(({ left }) => left))).toBeGreaterThan(high - binWidth);
});

test("rows with scales of their own give bands", () => {
  const root = parseMarkup(histogram(layer(2, [1, 1.5])));
  expect(texts(root)).toContain("1,000 weights, 2 scales s = 1 to 1.5");
  expect(texts(root).some((text) => /^thresholds −0\.7\d+ to −0\.5\d+, 0\.5\d+ to 0\.7\d+$/.test(text))).toBe(true);
  const bands = elementsOf(root, "rect").filter(({ attributes }) => "stroke-dasharray" in attributes);
  expect(bands).toHaveLength(4); // two levels, two thresholds
});

test("weights that are not on the axis are counted", () => {
  const { weights, trits, scales } = layer(4, [1]);
  weights[7] = Number.NaN;
  weights[8] = 1000;
  weights[9] = -500;
  trits.set([0, 1, -1], 7);
  const root = parseMarkup(histogram({ name: "layer", weights, trits, scales }));
  const label = texts(root).find((text) => text.startsWith("weight ("));
  expect(label).toMatch(/^weight \(\d beyond the axis, 1 not finite\)$/);
});

test("levels too near to each other share a label", () => {
  expect(texts(parseMarkup(histogram(layer(4, [0.01]))))).toContain("−s, 0, +s");
});

test("layers that are empty, constant or of one trit are drawn", () => {
  const empty = { name: "a", weights: new Float32Array(0), trits: new Int8Array(0), scales: Float32Array.of(1) };
  expect(texts(parseMarkup(histogram(empty)))).toContain("no weights");
  const zeros = { name: "a", weights: new Float32Array(9), trits: new Int8Array(9), scales: Float32Array.of(0) };
  expect(texts(parseMarkup(histogram(zeros)))).toEqual(
    expect.arrayContaining(["0: 100.0%", "no threshold between 0 and ±1"]),
  );
});

test("whatever the weights, the picture has finite coordinates", () => {
  const weight = fc.record({ weight: fc.float(), trit: fc.constantFrom(-1, 0, 1) });
  fc.assert(
    fc.property(fc.array(weight, { minLength: 1 }), fc.float(), (pairs, scale) => {
      const root = parseMarkup(
        histogram({
          name: "layer",
          weights: Float32Array.from(pairs, ({ weight }) => weight),
          trits: Int8Array.from(pairs, ({ trit }) => trit),
          scales: Float32Array.of(scale),
        }),
      );
      for (const { attributes } of elementsOf(root, "*")) {
        expect(Object.values(attributes).filter((value) => /NaN|Infinity|undefined/.test(value))).toEqual([]);
      }
    }),
  );
});

test("sizes that disagree and values that are no trits are refused", () => {
  const good = layer(2, [1]);
  expect(() => histogram({ ...good, trits: new Int8Array(3) })).toThrow(ShapeError);
  expect(() => histogram({ ...good, trits: good.trits.map(() => 2) })).toThrow("a trit must be -1, 0 or 1, got 2");
  expect(() => histogram({ ...good, scales: new Float32Array(3) })).toThrow("1 value or one per row, got 3");
  expect(() => histogram({ ...good, scales: new Float32Array(0) })).toThrow(ShapeError);
});
