/** The package as a user has it, compiled: what start-up times and peak memory are measured on. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import ts from "typescript";
import { repository } from "./machine.ts";

const run = promisify(execFile);

/** A build in a folder of its own, with the programs of `bench/programs`, which import it by its name. */
export class BuiltPackage implements AsyncDisposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Compiles the sources of this checkout. */
  static async build(): Promise<BuiltPackage> {
    const folder = await mkdtemp(join(tmpdir(), "bitlinear-bench-"));
    await cp(join(repository, "package.json"), join(folder, "package.json"));
    const linked = ["node_modules", "build", "prebuilds"].filter((name) => existsSync(join(repository, name)));
    for (const name of linked) await symlink(join(repository, name), join(folder, name), "junction");
    await mkdir(join(folder, "programs"));
    const compiler = join(repository, "node_modules/typescript/bin/tsc");
    const project = join(repository, "tsconfig.build.json");
    await run(process.execPath, [compiler, "-p", project, "--outDir", join(folder, "dist"), "--noCheck"]);
    return new BuiltPackage(folder);
  }

  /**
   * Runs a program of `bench/programs` in a process of its own.
   *
   * @returns what it printed as one line of JSON
   */
  async run<T = Record<string, number>>(program: string, ...args: string[]): Promise<T> {
    const compiled = join(this.#folder, "programs", `${program}.js`);
    const source = await readFile(join(repository, "bench/programs", `${program}.ts`), "utf8");
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 },
    });
    await writeFile(compiled, outputText);
    const { stdout } = await run(process.execPath, [compiled, ...args], { cwd: this.#folder });
    return JSON.parse(stdout);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}
