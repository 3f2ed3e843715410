#!/usr/bin/env node
/** The program `bitlinear`. */
import { runCommandLine } from "./command-line.ts";

// A reader that has seen enough closes the pipe ("bitlinear run ... | head"): there is nobody left to write to.
process.stdout.on("error", leaveQuietly);
process.stderr.on("error", leaveQuietly);

process.exitCode = await runCommandLine(process.argv.slice(2));

function leaveQuietly(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
  process.exit(process.exitCode ?? 0);
}
