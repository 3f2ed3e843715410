/** Files that a command is to write, looked at before it starts. */
import { access, constants, realpath, stat } from "node:fs/promises";
import { basename, dirname, extname, join, resolve, sep } from "node:path";
import { FileError, UsageError } from "../core/errors.ts";

/** Paths by the option or the argument that names them, as messages call it; undefined where it is not given. */
export type NamedPaths = Readonly<Record<string, string | undefined>>;

/** Kinds of files that commands write and no data set is made of: they may be written anew beside data. */
const WRITTEN_KINDS = [".safetensors", ".html"];

/**
 * Checks that files can be written later, else a training would end with nothing, and that writing them destroys nothing
 * that the command reads. Symbolic links are followed. Of a directory that is read, files that are there are kept, except
 * `.safetensors` and `.html`.
 *
 * @param inputs files and directories that the command reads; whether they exist is not checked
 * @throws UsageError when two targets are one file, or a target is an input
 * @throws FileError when the folder of a target does not exist or takes no files, or a folder has its name
 */
export async function checkTargets(targets: NamedPaths, inputs: NamedPaths = {}): Promise<void> {
  const [written, read] = [await resolved(targets), await resolved(inputs)];
  for (const [i, { name, path, real }] of written.entries()) {
    const twin = written.slice(0, i).find((other) => other.real === real);
    if (twin) throw new UsageError(`${twin.name} and ${name} are both ${path}: they must be different files`);
    for (const input of read) {
      if (real === input.real) {
        throw new UsageError(`${name} ${path} is also ${input.name}, which it would destroy: give another file`);
      }
      const isWithin = real.startsWith(input.real.endsWith(sep) ? input.real : input.real + sep);
      if (isWithin && !WRITTEN_KINDS.includes(extname(real)) && (await isFile(real))) {
        throw new UsageError(`${name} ${path} is a file of ${input.name} ${input.path}: give another file`);
      }
    }
  }
  for (const { path } of written) await checkFolder(path);
}

interface ResolvedPath {
  readonly name: string;
  readonly path: string;
  /** Absolute, without symbolic links as far as it exists. */
  readonly real: string;
}

async function resolved(paths: NamedPaths): Promise<ResolvedPath[]> {
  const given = Object.entries(paths).flatMap(([name, path]) => (path === undefined ? [] : [{ name, path }]));
  return await Promise.all(given.map(async ({ name, path }) => ({ name, path, real: await realPathOf(path) })));
}

/** A file that does not exist yet lies where its folder does. */
async function realPathOf(path: string): Promise<string> {
  const absolute = resolve(path);
  try {
    return await realpath(absolute);
  } catch {
    const folder = dirname(absolute);
    return folder === absolute ? absolute : join(await realPathOf(folder), basename(absolute));
  }
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true;
}

async function checkFolder(path: string): Promise<void> {
  const folder = dirname(path);
  const status = await stat(folder).catch(() => undefined); // whatever the reason, nothing can be written there
  if (!status?.isDirectory()) {
    throw new FileError(`it cannot be written: there is no folder ${folder}; create it first`, { file: path });
  }
  const isTaken = (await stat(path).catch(() => undefined))?.isDirectory() === true;
  if (isTaken) throw new FileError("it cannot be written: this is a folder; give a file", { file: path });
  await access(folder, constants.W_OK).catch((cause: unknown) => {
    throw new FileError(`it cannot be written: the folder ${folder} takes no files`, { file: path }, { cause });
  });
}
