/** Where data sets lie on this machine. */
import { FileError, UsageError } from "../core/errors.ts";
import { nodeModule } from "../files/index.ts";

/** The environment variable that names the data directory when no option does. */
export const DATA_VARIABLE = "BITLINEAR_DATA";

/**
 * The directory that an option names, or else the environment variable `BITLINEAR_DATA`.
 *
 * @throws UsageError when neither does
 */
export function resolveDataDirectory(option?: string): string {
  // outside Node there is no process, and so no environment
  const environment = typeof process === "undefined" ? undefined : process.env?.[DATA_VARIABLE];
  const directory = option || environment;
  if (directory) return directory;
  throw new UsageError(`no data directory: pass one (--data DIR on the command line) or set ${DATA_VARIABLE}`);
}

/**
 * The first of `candidates`, paths inside `directory`, that is a file or a directory; null where none is.
 *
 * @throws FileError when `directory` itself is absent or cannot be read
 */
export async function findInDirectory(directory: string, candidates: readonly string[]): Promise<string | null> {
  const { stat } = nodeModule("node:fs/promises", directory);
  const { join } = nodeModule("node:path", directory);
  const status = await stat(directory).catch((cause: unknown) => {
    throw new FileError(`the data directory cannot be read (${reasonOf(cause)})`, { file: directory }, { cause });
  });
  if (!status.isDirectory())
    throw new FileError("expected a directory with data files, got a file", { file: directory });
  for (const candidate of candidates) {
    const path = join(directory, candidate);
    const found = await stat(path).catch((cause: unknown) => {
      if (isAbsent(cause)) return null;
      throw new FileError(`cannot be read (${reasonOf(cause)})`, { file: path }, { cause });
    });
    if (found !== null) return path;
  }
  return null;
}

/** What a failure says of itself, for the message of the error that reports it. */
export function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function isAbsent(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && (cause.code === "ENOENT" || cause.code === "ENOTDIR");
}
