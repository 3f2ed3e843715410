/** docs/kernels.md describes every backend and every kernel of the lists. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { backends } from "../src/backends/index.ts";

const root = join(import.meta.dirname, "..");
const page = await readFile(join(root, "docs", "kernels.md"), "utf8");
const list = await readFile(join(root, "kernels", "kernels.def"), "utf8");
const kernels = [...list.matchAll(/^KERNEL\((\w+)\)/gm)].map(([, id]) => id);

test.each(backends.map(({ id }) => id))("the backend %s has a line", (id) => {
  expect(page).toMatch(new RegExp(`^\\| \`${id}\` \\| .+ \\| .+ \\|$`, "m"));
});

test("every kernel has a line, and every line a kernel", () => {
  const [, section] = page.split("## Kernels");
  const described = [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, id]) => id);
  expect(described.toSorted()).toEqual(kernels.toSorted());
});
