/** Files that a long run is to write, looked at before it starts. */
import { access, constants, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { FileError } from "../core/errors.ts";

/**
 * Checks that files can be written later: else a training would end with nothing.
 *
 * @throws FileError when the folder of one does not exist or takes no files, or a folder has its name
 */
export async function checkTargets(paths: readonly (string | undefined)[]): Promise<void> {
  for (const path of paths) {
    if (path === undefined) continue;
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
}
