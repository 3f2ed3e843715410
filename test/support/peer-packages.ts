/** Packages of `bench/peers`, which most checkouts lack, for the tests that compare with them. */
import { expect, type TestContext } from "vitest";
import { importPackage } from "../../bench/peers/installed-package.ts";
import { isRequired } from "./programs.ts";

/**
 * A package; the test is skipped where it is absent, and fails where `BITLINEAR_REQUIRE` names `peers`.
 *
 * @returns whatever the package exports, which the caller knows by its documentation
 */
export async function needPackage<T>(context: TestContext, name: string): Promise<T> {
  const imported = await importPackage<T>(name);
  if ("package" in imported) return imported.package;
  const problem = `${name}: ${imported.unavailable}`;
  if (isRequired("peers")) expect.fail(problem);
  return context.skip(problem);
}
