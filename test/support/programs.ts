/** Programs that some tests need: compilers, emulators, a browser. */
import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

/** Those of some programs that are not on the PATH. */
export function missingPrograms(names: readonly string[]): string[] {
  return names.filter((name) => !folders.some((folder) => isExecutable(join(folder, name))));
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
