import { expect, test } from "vitest";
import { seriesColor, themeRules } from "./theme.ts";

const [light, dark] = themeRules(".plot")
  .split("@media")
  .map((rules) =>
    Object.fromEntries([...rules.matchAll(/--([\w-]+):(#[0-9a-f]{6});/g)].map(([, name, value]) => [name, value])),
  );

test("both colour schemes define the same colours", () => {
  expect(Object.keys(light).length).toBeGreaterThan(10);
  expect(Object.keys(dark).sort()).toEqual(Object.keys(light).sort());
});

// Contrast as in WCAG 2.2: 4.5 for text, 3 for graphical objects.
test.each([
  ["light", light],
  ["dark", dark],
])("texts and lines stand out from the ground on a %s screen", (_, colors) => {
  for (const text of ["ink", "muted"]) {
    for (const ground of ["page", "panel"]) expect(contrast(colors[text], colors[ground])).toBeGreaterThanOrEqual(4.5);
  }
  expect(contrast(colors.good, colors["good-ground"])).toBeGreaterThanOrEqual(4.5);
  expect(contrast(colors.bad, colors["bad-ground"])).toBeGreaterThanOrEqual(4.5);
  for (const name of Object.keys(colors).filter((name) => /^series|minus|plus/.test(name))) {
    expect(contrast(colors[name], colors.panel), name).toBeGreaterThanOrEqual(3);
  }
});

test("colours of series repeat after the last", () => {
  expect(seriesColor(0)).toBe("var(--series-0)");
  expect(seriesColor(6)).toBe(seriesColor(0));
  expect(Object.keys(light)).toContain("series-5");
});

function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

function luminance(hex: string): number {
  const [red, green, blue] = [1, 3, 5].map((start) => {
    const channel = Number.parseInt(hex.slice(start, start + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
