import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { FileError } from "../core/errors.ts";
import { saveReport } from "./save-report.ts";

const folder = await mkdtemp(join(tmpdir(), "bitlinear-report-"));
afterAll(() => rm(folder, { recursive: true }));

test("a report is written as UTF-8, over the one before, with nothing left beside it", async () => {
  const path = join(folder, "report.html");
  await saveReport(path, "<p>before</p>");
  await saveReport(path, "<p>41.2 µs → ✓</p>");
  expect(await readFile(path, "utf8")).toBe("<p>41.2 µs → ✓</p>");
  expect(await readdir(folder)).toEqual(["report.html"]);
});

test("a path in no folder is refused by name", async () => {
  const path = join(folder, "absent", "report.html");
  await expect(saveReport(path, "")).rejects.toThrow(FileError);
  await expect(saveReport(path, "")).rejects.toThrow(path);
});
