import fc from "fast-check";
import { expect, test } from "vitest";
import { elementsOf, hasClass, type MarkupElement, numberOf, parseMarkup } from "../../../test/support/parse-markup.ts";
import { type LineChart, lineChart } from "./line-chart.ts";

const draw = (chart: Partial<LineChart>) =>
  parseMarkup(lineChart({ title: "Loss", series: [], x: { label: "epoch" }, y: { label: "loss" }, ...chart }));
const line = (...values: number[]) => values.map((y, i) => ({ x: i + 1, y }));
const paths = (root: MarkupElement) => elementsOf(root, "path").map(({ attributes }) => attributes.d);
const texts = (root: MarkupElement) => elementsOf(root, "text").map(({ text }) => text);

test("points lie where the ticks say", () => {
  const root = draw({ series: [{ name: "float", points: line(0, 0.5, 1) }], x: { label: "epoch", isWhole: true } });
  const circles = elementsOf(root, "circle").map((circle) => [numberOf(circle, "cx"), numberOf(circle, "cy")]);
  const tick = (label: string, attribute: string) => {
    const found = elementsOf(root, "text").find(({ text }) => text === label);
    return found ? numberOf(found, attribute) : Number.NaN;
  };
  expect(circles).toEqual([
    [tick("1", "x"), tick("0.0", "y") - 4], // labels of y hang 4 pixels below their tick
    [tick("2", "x"), (tick("0.4", "y") + tick("0.6", "y")) / 2 - 4],
    [tick("3", "x"), tick("1.0", "y") - 4],
  ]);
  expect(circles[0][1]).toBeGreaterThan(circles[2][1]); // upwards on the screen
});

test("each series has its line, colour, legend and tooltips", () => {
  const root = draw({
    series: [
      { name: "float", points: line(2, 1) },
      { name: "ternary", points: line(3, 2), isDashed: true },
      { name: "again float", points: line(3, 3), colorIndex: 0 },
    ],
  });
  const drawn = elementsOf(root, "path").map(({ attributes }) => attributes);
  expect(drawn.map(({ stroke }) => stroke)).toEqual(["var(--series-0)", "var(--series-1)", "var(--series-0)"]);
  expect(drawn.map((attributes) => "stroke-dasharray" in attributes)).toEqual([false, true, false]);
  expect(texts(root)).toEqual(expect.arrayContaining(["float", "ternary", "again float", "epoch", "loss"]));
  expect(elementsOf(elementsOf(root, "circle")[1], "title")[0].text).toBe("float, epoch 2: 1");
  expect(root.attributes["aria-label"]).toBe(
    "Loss. loss against epoch. float: 1 at epoch 2; ternary: 2 at epoch 2; again float: 3 at epoch 2",
  );
});

test("values that cannot be drawn are gaps, and counted", () => {
  const gaps = draw({ series: [{ name: "a", points: line(1, 2, Number.NaN, 3, Number.POSITIVE_INFINITY, 5) }] });
  expect(paths(gaps)[0].match(/M/g)).toHaveLength(3);
  expect(texts(gaps)).toContain("2 values are not finite");
  const log = draw({ series: [{ name: "a", points: line(1, 0, 2) }], y: { label: "ms", isLog: true } });
  expect(paths(log)[0].match(/M/g)).toHaveLength(2);
  expect(texts(log)).toContain("1 value is not finite or not positive");
});

test("a chart without a value says so", () => {
  expect(texts(draw({}))).toContain("no data");
  expect(texts(draw({ series: [{ name: "a", points: line(Number.NaN) }] }))).toContain("no data");
  expect(texts(draw({ series: [{ name: "a", points: line(1) }] }))).not.toContain("no data");
});

test("a constant series runs through the middle of its axis, a single point stands there", () => {
  for (const points of [line(0.25, 0.25, 0.25), line(0.25)]) {
    const root = draw({ series: [{ name: "a", points }], y: { label: "loss", isTight: true } });
    const grid = elementsOf(root, "line").filter((line) => hasClass(line, "axis"));
    const bottom = Math.max(...grid.map((line) => numberOf(line, "y1")));
    for (const circle of elementsOf(root, "circle")) {
      expect(numberOf(circle, "cy")).toBeLessThan(bottom - 50);
      expect(numberOf(circle, "cy")).toBeGreaterThan(50);
    }
  }
});

test("references widen the axis and are labelled; one that cannot be drawn is left out", () => {
  const root = draw({
    series: [{ name: "a", points: line(1, 2) }],
    lines: [
      { axis: "y", value: 10, label: "limit" },
      { axis: "x", value: Number.NaN, label: "nowhere" },
    ],
    areas: [{ axis: "x", from: 1, to: 1.5, label: "warm-up" }],
  });
  expect(texts(root)).toEqual(expect.arrayContaining(["limit", "10", "warm-up"]));
  expect(texts(root)).not.toContain("nowhere");
  const [first, last] = elementsOf(root, "circle").map((circle) => numberOf(circle, "cx"));
  const area = elementsOf(root, "rect")[0];
  expect([numberOf(area, "x"), numberOf(area, "width")]).toEqual([first, (last - first) / 2]);
});

test("many points are drawn as a line without markers", () => {
  const root = draw({ series: [{ name: "a", points: line(...Array.from({ length: 200 }, (_, i) => i)) }] });
  expect(elementsOf(root, "circle")).toEqual([]);
  expect(paths(root)[0].split("L")).toHaveLength(200);
});

test("whatever the values, the picture has finite coordinates inside its frame", () => {
  const point = fc.record({ x: fc.double(), y: fc.double() });
  fc.assert(
    fc.property(fc.array(fc.array(point)), fc.boolean(), fc.boolean(), (lines, isXLog, isYLog) => {
      const root = draw({
        series: lines.map((points, i) => ({ name: `series ${i}`, points })),
        x: { label: "x", isLog: isXLog },
        y: { label: "y", isLog: isYLog },
      });
      for (const { attributes } of elementsOf(root, "*")) {
        expect(Object.values(attributes).filter((value) => /NaN|Infinity|undefined/.test(value))).toEqual([]);
      }
      for (const circle of elementsOf(root, "circle")) {
        expect(numberOf(circle, "cx")).toBeGreaterThan(0);
        expect(numberOf(circle, "cx")).toBeLessThan(500);
        expect(numberOf(circle, "cy")).toBeGreaterThan(0);
        expect(numberOf(circle, "cy")).toBeLessThan(320);
      }
    }),
  );
});
