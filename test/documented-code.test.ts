/** Code in the documentation names what the package exports, and commands that the command line has. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { commands } from "../src/cli/commands/index.ts";
import * as convert from "../src/convert/index.ts";
import * as datasets from "../src/datasets/index.ts";
import * as bitlinear from "../src/index.ts";
import * as nn from "../src/nn/index.ts";

const entries: Readonly<Record<string, object>> = {
  bitlinear,
  "bitlinear/nn": nn,
  "bitlinear/convert": convert,
  "bitlinear/datasets": datasets,
};
const pages = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", ...listed("docs"), ...listed("examples")];

function listed(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => /\.(md|ts)$/.test(name))
    .map((name) => `${folder}/${name}`);
}

test.each(pages)("%s imports what there is", (page) => {
  const imports = [...readFileSync(page, "utf8").matchAll(/import \{([^}]*)\} from "(bitlinear[^"]*)"/g)];
  const missing = imports.flatMap(([, names, entry]) => {
    const values = names.split(",").map((name) => name.trim());
    return values.filter((name) => name !== "" && !name.startsWith("type ") && !(name in (entries[entry] ?? {})));
  });
  expect(missing).toEqual([]);
});

test.each(pages)("%s calls commands that there are", (page) => {
  const called = [...readFileSync(page, "utf8").matchAll(/npx bitlinear ([a-z]+)/g)].map(([, name]) => name);
  expect(called.filter((name) => !commands.some(({ id }) => id === name))).toEqual([]);
});

test("the README shows imports and commands, so that the tests above read something", () => {
  const readme = readFileSync("README.md", "utf8");
  expect(readme.match(/from "bitlinear/g)?.length).toBeGreaterThan(3);
  expect(readme.match(/npx bitlinear [a-z]+/g)?.length).toBeGreaterThan(3);
});
