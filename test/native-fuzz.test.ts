/** Hostile calls of the Node addon under AddressSanitizer: a minute of them where `CI` is set, a few seconds elsewhere. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { need, outputOf } from "./support/programs.ts";

test("calls that nobody should make become exceptions, and touch no memory", async (context) => {
  need(context, "kernels", ["g++"]);
  const seconds = process.env.CI ? "60" : "5";
  const script = join(import.meta.dirname, "..", "scripts", "fuzz-native.ts");
  const output = await outputOf(process.execPath, ["--import", "tsx", script, seconds]);
  const [, calls] = /(\d+) calls/.exec(output.replaceAll(",", "")) ?? [];
  expect(Number(calls), output).toBeGreaterThan(1000);
});
