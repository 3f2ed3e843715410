/** Where figures come from. */
import { execFile } from "node:child_process";
import { availableParallelism, cpus, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** The folder of package.json. */
export const repository: string = fileURLToPath(new URL("..", import.meta.url));

/** What a figure depends on beside the code, and which code it was. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly platform: string;
  readonly node: string;
  /** Short hash, with a plus where files differ from it; null outside a git checkout. */
  readonly commit: string | null;
}

/** This machine and this checkout. */
export async function readMachine(): Promise<Machine> {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    commit: await readCommit(),
  };
}

async function readCommit(): Promise<string | null> {
  const git = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)("git", args, { cwd: repository })).stdout.trim();
  try {
    const hash = await git("rev-parse", "--short", "HEAD");
    return (await git("status", "--porcelain")) === "" ? hash : `${hash}+`;
  } catch {
    return null; // no git, or no checkout: the record says so
  }
}
