/** The command line as a user meets it: in a process of its own, from the sources. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** What a finished process left. */
export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where and how a process runs. */
export interface CliOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** More arguments for Node itself. */
  readonly nodeArguments?: readonly string[];
}

const repository = fileURLToPath(new URL("../..", import.meta.url));
const loader = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const program = join(repository, "src/cli/main.ts");

/** Starts `bitlinear` with arguments. */
export function startCli(args: readonly string[], options: CliOptions): ChildProcessWithoutNullStreams {
  const { cwd, env = {}, nodeArguments = [] } = options;
  return spawn(process.execPath, ["--import", loader, ...nodeArguments, program, ...args], {
    cwd,
    // Neither the colours nor the data directory of whoever runs the tests.
    env: { ...process.env, FORCE_COLOR: undefined, NO_COLOR: undefined, BITLINEAR_DATA: undefined, ...env },
  });
}

/** Runs `bitlinear` to its end. */
export async function runCli(args: readonly string[], options: CliOptions): Promise<CliResult> {
  return await resultOf(startCli(args, options));
}

/** Waits for the end of a process. */
export async function resultOf(child: ChildProcessWithoutNullStreams): Promise<CliResult> {
  const parts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      parts[name] += text;
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  return { code, ...parts };
}

/** Every line of standard output as JSON; throws when one is something else. */
export function jsonLines({ stdout }: CliResult): Record<string, unknown>[] {
  return stdout
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}
