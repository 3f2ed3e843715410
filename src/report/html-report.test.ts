import { expect, test } from "vitest";
import { elementsOf, hasClass, type MarkupElement, parseMarkup } from "../../test/support/parse-markup.ts";
import { UsageError } from "../core/errors.ts";
import { renderReport, type Section } from "./html-report.ts";
import { lineChart } from "./plots/line-chart.ts";

const svg = lineChart({ title: "Loss", series: [], x: { label: "epoch" }, y: { label: "loss" } });
const render = (...sections: Section[]): MarkupElement => parseMarkup(renderReport({ title: "Report", sections }));
const texts = (root: MarkupElement, name: string) => elementsOf(root, name).map(({ text }) => text);

test("a report is one document with its title, style and date", () => {
  const html = renderReport({
    title: "Digits",
    subtitle: "an MLP",
    generated: new Date("2030-01-02T03:04:05Z"),
    sections: [],
  });
  expect(html).toMatch(/^<!DOCTYPE html>\n<html lang="en">/);
  const root = parseMarkup(html);
  expect(texts(root, "title")).toEqual(["Digits"]);
  expect(texts(root, "h1")).toEqual(["Digits"]);
  expect(texts(root, "p")).toEqual(["an MLP"]);
  expect(texts(root, "footer")[0]).toContain("2030-01-02 03:04 UTC");
});

test("nothing in a report is executed or fetched", () => {
  const hostile = `</style></title><script src="https://evil.example/x.js"></script>`;
  const html = renderReport({
    title: hostile,
    subtitle: hostile,
    sections: [
      { kind: "headline", title: hostile, note: hostile, cards: [{ label: hostile, value: hostile, detail: hostile }] },
      { kind: "table", columns: [{ label: hostile }], rows: [[hostile]], totals: [hostile] },
      { kind: "plots", plots: [{ svg, caption: hostile }] },
      { kind: "text", title: hostile, isCollapsed: true, paragraphs: [hostile], code: hostile },
    ],
  });
  const elements = elementsOf(parseMarkup(html), "*");
  const names = new Set(elements.map(({ name }) => name));
  for (const name of ["script", "link", "iframe", "object", "embed", "img", "base", "form"]) {
    expect(names).not.toContain(name);
  }
  const attributes = elements.flatMap(({ attributes }) => Object.entries(attributes));
  expect(attributes.filter(([name]) => /^(src|href|action|on.*)$/.test(name))).toEqual([]);
  expect(attributes.filter(([name, value]) => name !== "xmlns" && /url\(|\/\//.test(value))).toEqual([]);
  for (const style of texts(parseMarkup(html), "style")) expect(style).not.toMatch(/url\(|@import|\/\//);
  const policy = elements.find(({ attributes }) => attributes["http-equiv"] === "Content-Security-Policy");
  expect(policy?.attributes.content).toBe("default-src 'none'; style-src 'unsafe-inline'; img-src data:");
});

test("cards show their verdict", () => {
  const root = render({
    kind: "headline",
    cards: [
      { label: "Exactness", value: "no", detail: "3 differ", verdict: "bad" },
      { label: "Size", value: "44 kB" },
    ],
  });
  const cards = elementsOf(root, "div").filter((element) => hasClass(element, "card"));
  expect(cards.map(({ text }) => text)).toEqual(["Exactnessno3 differ", "Size44 kB"]);
  expect(cards.map((card) => hasClass(card, "bad"))).toEqual([true, false]);
});

test("tables align numbers and set totals apart", () => {
  const root = render({
    kind: "table",
    columns: [{ label: "Layer" }, { label: "Bytes", isNumber: true }],
    rows: [["layers.0", "12"]],
    totals: ["total", "12"],
  });
  expect(texts(root, "th")).toEqual(["Layer", "Bytes"]);
  expect(elementsOf(root, "td").map((cell) => hasClass(cell, "number"))).toEqual([false, true, false, true]);
  expect(texts(root, "tfoot")).toEqual(["total12\n"]);
});

test("sections are titled, folded, or continue the one before", () => {
  const root = render(
    { kind: "text", title: "Open", note: "a note", paragraphs: ["one", "two"] },
    { kind: "plots", columnCount: 3, plots: [{ svg, caption: "a caption", isTall: true }] },
    { kind: "text", title: "Folded", isCollapsed: true, code: "npm run demo" },
  );
  expect(texts(root, "h2")).toEqual(["Open"]);
  expect(texts(root, "p")).toEqual(["a note", "one", "two"]);
  expect(texts(root, "figcaption")).toEqual(["a caption"]);
  expect(elementsOf(root, "svg").filter(({ attributes }) => attributes.role === "img")).toHaveLength(1);
  expect(texts(root, "summary")).toEqual(["Folded"]);
  expect(texts(elementsOf(root, "details")[0], "code")).toEqual(["npm run demo"]);
});

test("rows of another length, plots that are none and nameless folds are refused", () => {
  const table = { kind: "table", columns: [{ label: "a" }] } as const;
  expect(() => render({ ...table, rows: [["1", "2"]] })).toThrow("a row needs a cell per column (1), got 2: 1, 2");
  expect(() => render({ ...table, rows: [], totals: [] })).toThrow(UsageError);
  expect(() => render({ kind: "plots", plots: [{ svg: "<img src=x>" }] })).toThrow(UsageError);
  expect(() => render({ kind: "text", isCollapsed: true })).toThrow(UsageError);
});
