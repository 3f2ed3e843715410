/** Where the browser of the browser tests is. Nothing is ever downloaded. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/** Path of a Chromium: what `BITLINEAR_CHROMIUM` says, else the first one on the PATH, Debian's among them. */
export function findChromium(): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter).filter(Boolean), "/usr/bin"];
  const onPath = folders.flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return process.env.BITLINEAR_CHROMIUM || onPath.find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
