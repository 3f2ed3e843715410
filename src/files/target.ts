/** Where files are saved: a path or a `file:` URL, in Node. */
import { UnsupportedError } from "../core/errors.ts";
import { pathOfFileUrl } from "./node-files.ts";
import { nodeModule } from "./node-modules.ts";
import { urlOf } from "./source.ts";

/**
 * The path of a target, for `writeFileAtomic`; a string is a `file:` URL or a path.
 *
 * @param instead what to do where nothing can be saved, for messages
 * @throws FileError for a URL that is none, or names no local file
 * @throws UnsupportedError outside of Node, and for targets and URLs of other kinds
 */
export function pathOfTarget(target: string | URL, instead: string): string {
  if (typeof target !== "string" && !(target instanceof URL)) {
    const got = Object.prototype.toString.call(target);
    throw new UnsupportedError(`files are saved to a path or a file: URL, got ${got}: ${instead}`);
  }
  const url = typeof target === "string" ? urlOf(target) : target;
  if (url !== undefined && url.protocol !== "file:") {
    throw new UnsupportedError(`files are saved to a path or a file: URL, got one of ${url.protocol}: ${instead}`);
  }
  const name = String(target);
  try {
    nodeModule("node:fs/promises", name);
  } catch (cause) {
    const problem = `${JSON.stringify(name)} is a path, and files are saved to paths only in Node`;
    throw new UnsupportedError(`${problem}: ${instead}`, { cause });
  }
  return url === undefined ? name : pathOfFileUrl(url);
}
