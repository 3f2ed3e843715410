/** Node's own modules, for code that also runs in browsers. */
import { UnsupportedError } from "../core/errors.ts";

/** The modules that this package uses, by name. */
export interface NodeModules {
  "node:crypto": typeof import("node:crypto");
  "node:fs": typeof import("node:fs");
  "node:fs/promises": typeof import("node:fs/promises");
  "node:path": typeof import("node:path");
  "node:url": typeof import("node:url");
}

/**
 * A module of Node, asked of the process and not imported, so that bundlers for browsers find no import of it.
 *
 * @param path the file or directory that the module is wanted for, for the message
 * @throws UnsupportedError outside of Node
 */
export function nodeModule<Name extends keyof NodeModules>(name: Name, path: string): NodeModules[Name] {
  const nodeProcess: NodeJS.Process | undefined = globalThis.process;
  const found = nodeProcess?.getBuiltinModule?.(name) as NodeModules[Name] | undefined;
  if (found !== undefined) return found;
  const instead = "an http(s) URL, a File or Blob, an ArrayBuffer or a Uint8Array";
  throw new UnsupportedError(`${JSON.stringify(path)} is a path, and files have paths only in Node: pass ${instead}`);
}
