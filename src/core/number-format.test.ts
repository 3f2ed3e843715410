import { expect, test } from "vitest";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatPercent,
  formatRatio,
  formatSignificant,
  formatValue,
} from "./number-format.ts";

test.each([
  [0, "0"],
  [200_704, "200,704"],
  [-1234, "−1,234"],
  [-0.4, "0"],
  [Number.NaN, "n/a"],
])("the count %d reads %s", (count, text) => expect(formatCount(count)).toBe(text));

test.each([
  [0, "0"],
  [0.031249, "0.0312"],
  [-0.0149, "−0.0149"],
  [123_456, "123,000"],
  [1.2345e-7, "1.23e−7"],
  [2.5e12, "2.5e+12"],
  [Number.POSITIVE_INFINITY, "n/a"],
])("%d reads %s", (value, text) => expect(formatSignificant(value)).toBe(text));

test.each([
  [0, "0 B"],
  [812, "812 B"],
  [999.4, "999 B"],
  [999.9, "1 kB"],
  [44_900, "44.9 kB"],
  [999_999, "1 MB"],
  [3_371_827, "3.37 MB"],
  [2.5e9, "2.5 GB"],
  [5e15, "5,000 TB"],
  [Number.NaN, "n/a"],
])("%d bytes read %s", (bytes, text) => expect(formatBytes(bytes)).toBe(text));

test.each([
  [0, "0 s"],
  [41.2e-6, "41.2 µs"],
  [0.0081, "8.1 ms"],
  [0.9999, "1 s"],
  [12.34, "12.3 s"],
  [59.96, "1 min 00 s"],
  [125, "2 min 05 s"],
  [-125, "−2 min 05 s"],
  [Number.NaN, "n/a"],
])("%d seconds read %s", (seconds, text) => expect(formatDuration(seconds)).toBe(text));

test("fractions read as percent, ratios with a decimal", () => {
  expect(formatPercent(0.9812)).toBe("98.1%");
  expect(formatPercent(0.98125, 2)).toBe("98.13%");
  expect(formatPercent(-0.00001)).toBe("0.0%");
  expect(formatPercent(0 / 0)).toBe("n/a");
  expect(formatRatio(941, 47.5)).toBe("19.8×");
  expect(formatRatio(1, 0)).toBe("n/a");
});

test("a value follows the style of its axis", () => {
  expect(formatValue(0.5)).toBe("0.5");
  expect(formatValue(0.5, "percent")).toBe("50.00%");
  expect(formatValue(5000, "bytes")).toBe("5 kB");
});
