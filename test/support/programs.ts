/** Programs that some tests need: compilers, emulators, a browser. */
import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { expect, type TestContext } from "vitest";

/** Skips a test that needs programs which are not on the PATH, and says so; fails it where `what` is required. */
export function need(context: TestContext, what: string, programs: readonly string[]): void {
  const missing = programs.filter((name) => !folders.some((folder) => isExecutable(join(folder, name))));
  if (missing.length === 0) return;
  const problem = `${missing.join(" and ")} not on the PATH`;
  if (isRequired(what)) expect.fail(problem);
  context.skip(problem);
}

/**
 * Whether `BITLINEAR_REQUIRE` names something, so that its absence is a failure and no reason to skip a test:
 * `BITLINEAR_REQUIRE=wasm,native,arm`.
 */
export function isRequired(what: string): boolean {
  return (process.env.BITLINEAR_REQUIRE ?? "").split(",").includes(what);
}

/** What a program prints. @throws an Error with all of it when it fails */
export async function outputOf(command: string, args: readonly string[]): Promise<string> {
  try {
    return (await promisify(execFile)(command, args, { maxBuffer: 2 ** 26 })).stdout;
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(" ")} failed:\n${stdout}${stderr}`, { cause: error });
  }
}

const folders = (process.env.PATH ?? "").split(delimiter).filter(Boolean);

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
