/** What a person, a machine and the shell learn of an error. */
import { BitLinearError, UsageError } from "../core/errors.ts";
import type { Output } from "./output.ts";

/** Exit codes of the program. */
export const EXIT_CODES = { failed: 1, usage: 2, interrupted: 130 } as const;

/** Environment variable that, set to 1, adds the stack to error messages. */
export const DEBUG_VARIABLE = "BITLINEAR_DEBUG";

/**
 * Reports an error on standard error in a line or two, and to a machine as a line of JSON.
 *
 * @param help what to type to learn how the command is called
 * @returns the exit code
 */
export function reportFailure(error: unknown, output: Output, help: string): number {
  const message = describe(error);
  output.note(`${output.paintNote("red", "error:")} ${message}`);
  if (error instanceof UsageError) output.note(`see: ${help}`);
  if (process.env[DEBUG_VARIABLE] === "1") output.note(stackOf(error));
  output.emit({ error: { code: error instanceof BitLinearError ? error.code : "INTERNAL", message } });
  return error instanceof UsageError ? EXIT_CODES.usage : EXIT_CODES.failed;
}

function describe(error: unknown): string {
  if (error instanceof BitLinearError) return error.message;
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return `${message}\nthis should not happen: set ${DEBUG_VARIABLE}=1 to see where, and report it`;
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : `\ncaused by ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
