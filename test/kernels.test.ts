/**
 * The check programs of `kernels/`: every kernel of the list against plain loops, with sanitizers, on this machine and on
 * emulated ARM processors. They run where their compilers are; `BITLINEAR_REQUIRE=kernels,arm` makes that a condition.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { need, outputOf } from "./support/programs.ts";

const kernels = join(import.meta.dirname, "..", "kernels");
/** They are compiled with sanitizers and emulated: minutes, where other tests run beside them. */
const timeout = 480_000;
const list = await readFile(join(kernels, "kernels.def"), "utf8");

test("kernels of this machine are right, and touch no memory but their own", { timeout }, async (context) => {
  need(context, "kernels", ["c++"]);
  const output = await outputOf(join(kernels, "check", "run.sh"), ["--cases", "60"]);
  const checked = [...output.matchAll(/^(\w+): 60 cases are as they should be$/gm)].map(([, id]) => id);
  const absent = [...output.matchAll(/^(\w+): not on this processor$/gm)].map(([, id]) => id);
  expect(checked).toContain("scalar");
  expect([...checked, ...absent].toSorted()).toEqual(kernelsFor(process.arch === "arm64" ? "aarch64" : "x86_64"));
});

test("ARM kernels are right on processors with all, some and none of their instructions", {
  timeout,
}, async (context) => {
  need(context, "arm", ["aarch64-linux-gnu-g++", "qemu-aarch64"]);
  const output = await outputOf(join(kernels, "check", "run_arm.sh"), ["--cases", "60"]);
  const [most] = output.split(/^(?=[\w-]+:$)/m); // the processor with all instructions comes first
  const checked = [...most.matchAll(/^(\w+): 60 cases are as they should be$/gm)].map(([, id]) => id);
  expect(checked.toSorted()).toEqual(kernelsFor("aarch64"));
});

/** Kernels of kernels.def for an architecture, `scalar` among them. */
function kernelsFor(architecture: string): string[] {
  const section = list.split(`__${architecture}__`)[1].split("#")[0];
  const ids = [...section.matchAll(/KERNEL\((\w+)\)/g)].map(([, id]) => id);
  expect(ids).not.toEqual([]);
  return [...ids, "scalar"].toSorted();
}
