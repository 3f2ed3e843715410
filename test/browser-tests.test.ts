/** Says so where the tests in test/browser are not run; vitest.config.ts leaves them out then. */
import { expect, test } from "vitest";
import { findChromium } from "./support/chromium.ts";
import { isRequired } from "./support/programs.ts";

test("the tests in test/browser have a Chromium to run in", (context) => {
  if (findChromium() !== undefined) return;
  const problem = "test/browser is NOT RUN: no Chromium on the PATH, and none in BITLINEAR_CHROMIUM";
  if (isRequired("chromium")) expect.fail(problem);
  console.warn(problem);
  context.skip(problem);
});
