/** docs/formats.md describes every storage format, with the figures that the code has. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { formatBytes } from "../src/core/number-format.ts";
import { formats, modelFormats } from "../src/formats/index.ts";

const page = readFileSync(new URL("../docs/formats.md", import.meta.url), "utf8");
/** Cells of the table at the top, by format. */
const rows = new Map(
  [...page.matchAll(/^\| \[`(\w+)`\]\(#([\w-]+)\)[^|]* \|(.*)\|$/gm)].map(([, id, anchor, cells]) => [
    id,
    { anchor, cells: cells.split(" | ").map((cell) => cell.trim()) },
  ]),
);
const sections = new Map(
  page.split(/^## /m).map((text) => [text.slice(0, text.indexOf("\n")).toLowerCase().replaceAll(" ", "-"), text]),
);

test("every format has a row, in the order of the list", () => {
  expect([...rows.keys()]).toEqual(formats.map(({ id }) => id));
});

test.each(formats)("$id has the figures of the code", (format) => {
  const row = rows.get(format.id);
  const [, bits, scales, shapes, bytes] = row?.cells ?? [];
  expect(Number(bits)).toBe(format.bitsPerWeight);
  expect(scales.startsWith(`${format.scales}: `)).toBe(true);
  if (format.groupSize !== undefined) expect(scales).toContain(`per ${format.groupSize} weights`);
  expect(scales === "beside: any").toBe(format.granularities.length === 3);
  expect(scales.includes("per row")).toBe(format.granularities.join() === "per-tensor,per-channel");

  const shape = { outFeatures: 4096, inFeatures: 4096 };
  const canHoldRows = format.granularities.some((granularity) => granularity !== "per-tensor");
  const scaleBytes = format.scales === "beside" && canHoldRows ? 4 * 4096 : 0;
  expect(bytes).toContain(formatBytes(format.byteLength(shape) + scaleBytes));
  expect(bytes.startsWith("cannot: one scale")).toBe(!canHoldRows);

  for (let outFeatures = 1; outFeatures < 9; outFeatures++) {
    for (let inFeatures = 1; inFeatures < 530; inFeatures++) {
      const [, product, divisor] = /^(N · )?K % (\d+) = 0$/.exec(shapes) ?? [];
      const size = product ? outFeatures * inFeatures : inFeatures;
      const fits = divisor === undefined || size % Number(divisor) === 0;
      expect(format.limit({ outFeatures, inFeatures }) === undefined).toBe(fits);
    }
  }
});

test.each(formats)("$id has a section with a diagram", ({ id }) => {
  const section = sections.get(rows.get(id)?.anchor ?? "");
  expect(section, `docs/formats.md needs the section that the row of ${id} links to`).toBeDefined();
  expect(section).toMatch(/^```$[\s\S]+^```$/m);
});

test("the formats of model files are named", () => {
  const [, named] = /one or one for each row: (.*?)\.$/ms.exec(page) ?? [];
  expect([...named.matchAll(/`(\w+)`/g)].map(([, id]) => id)).toEqual(modelFormats.map(({ id }) => id));
});
