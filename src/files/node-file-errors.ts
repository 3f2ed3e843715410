/** What the file system says when it fails, as `FileError`s. */
import { FileError } from "../core/errors.ts";

/** A failure below as a `FileError` of this file; one that is a `FileError` already stays as it is. */
export function fileErrorOf(cause: unknown, file: string, verb: "read" | "written"): FileError {
  if (cause instanceof FileError) return cause;
  const reasons: Record<string, string> = {
    ENOENT: verb === "read" ? "there is no such file: check the path" : "there is no such folder: create it first",
    ENOTDIR: "a part of the path is a file, not a folder: check the path",
    EACCES: "the permission is missing: check the file's owner and mode",
    EPERM: "the permission is missing: check the file's owner and mode",
    ENOSPC: "the disk is full: free some space",
    EROFS: "the disk is read-only: give another path",
    EBADF: "it is closed already: open it again",
  };
  const reason = reasons[codeOf(cause) ?? ""] ?? (cause instanceof Error ? cause.message : String(cause));
  return new FileError(`it cannot be ${verb}: ${reason}`, { file }, { cause });
}

/** The system's word for what went wrong, such as `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
