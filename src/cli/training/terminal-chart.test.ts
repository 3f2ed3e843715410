import { expect, test } from "vitest";
import { drawChart } from "./terminal-chart.ts";

const chart = { title: "loss", limits: [0.01, 100] as const, width: 15, height: 4, foot: ["1", "4"] as const };

test("each decade of the axis is as high as the others", () => {
  const { lines } = drawChart({ ...chart, values: [100, 10, 1, 0.1, 0.01, 100, 100, 100, 100] });
  expect(lines).toEqual([
    "      loss     ",
    " 100 │█    ████",
    "     │██   ████",
    "     │███  ████",
    "0.01 │████▁████",
    "      1       4",
  ]);
});

test("many values are averaged, few take several columns", () => {
  const width = (values: number[]) => drawChart({ ...chart, values }).lines.map((line) => line.length);
  expect(width(Array.from({ length: 1000 }, () => 1))).toEqual([15, 15, 15, 15, 15, 15]);
  const { lines } = drawChart({ ...chart, values: [100, 0.01, 100] });
  expect(lines[1]).toBe(" 100 │███   ███");
});
