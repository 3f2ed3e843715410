#!/usr/bin/env node
/** The program `bitlinear`. */
import { writeSync } from "node:fs";
import { runCommandLine } from "./command-line.ts";
import { EXIT_CODES } from "./failure.ts";

process.stdout.on("error", (error) => leave("standard output", error));
process.stderr.on("error", (error) => leave("standard error", error));

process.exitCode = await runCommandLine(process.argv.slice(2));

function leave(stream: string, { code, message }: NodeJS.ErrnoException): void {
  // A reader that has seen enough closes the pipe ("bitlinear run ... | head"): there is nobody left to write to.
  if (code === "EPIPE") process.exit(process.exitCode ?? 0);
  const reason = code === "ENOSPC" ? "the disk is full: free some space" : message;
  try {
    writeSync(process.stderr.fd, `error: ${stream} cannot be written: ${reason}\n`);
  } catch {
    // It is standard error that fails: the exit code has to say it alone.
  }
  process.exit(EXIT_CODES.failed);
}
