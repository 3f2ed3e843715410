/** From what was typed to an exit code. */
import { UsageError } from "../core/errors.ts";
import { VERSION } from "../core/version.ts";
import { parseArguments } from "./arguments.ts";
import { commands } from "./commands/index.ts";
import { EXIT_CODES, reportFailure } from "./failure.ts";
import { commandHelp, programHelp } from "./help.ts";
import { Output } from "./output.ts";
import { nearestName } from "./spelling.ts";

/**
 * Runs the program.
 *
 * @param args what was typed after its name
 * @returns the exit code: 0, 1 when something failed, 2 when it was called wrongly, 130 when it was interrupted
 */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  const end = args.indexOf("--");
  const output = new Output(args.slice(0, end === -1 ? args.length : end).includes("--json"));
  const at = args.findIndex((arg) => !arg.startsWith("-"));
  if (at === -1) return runWithoutCommand(args, output);
  if (args[at] === "help") return await runCommandLine([...args.slice(at + 1), ...args.slice(0, at), "--help"]);
  const [id] = args.slice(at);
  const typed = [...args.slice(0, at), ...args.slice(at + 1)];
  try {
    return await runCommand(id, typed, output);
  } catch (error) {
    const isKnown = commands.some((entry) => entry.id === id);
    return reportFailure(error, output, isKnown ? `bitlinear ${id} --help` : "bitlinear --help");
  }
}

async function runCommand(id: string, typed: readonly string[], output: Output): Promise<number> {
  const entry = commands.find((candidate) => candidate.id === id);
  if (entry === undefined) throw new UsageError(describeUnknown(id));
  const command = await entry.load();
  const parsed = parseArguments(typed, command);
  if (parsed.values.help === true) {
    const text = commandHelp(entry, command, output.width);
    output.print(text);
    output.emit({ help: text });
    return 0;
  }
  return await command.run(parsed, { output, typed });
}

function runWithoutCommand(args: readonly string[], output: Output): number {
  const help = programHelp(commands, output.width);
  try {
    const wanted = args.filter((arg) => arg !== "--json");
    const unknown = wanted.find((arg) => !["--help", "-h", "--version", "-v"].includes(arg));
    if (unknown !== undefined) throw new UsageError(`unknown option ${unknown}: options follow a command`);
    if (wanted.length === 0) throw new UsageError(`which command? ${commands.map(({ id }) => id).join(", ")}`);
    const isVersion = wanted.includes("--version") || wanted.includes("-v");
    output.print(isVersion ? VERSION : help);
    output.emit(isVersion ? { version: VERSION } : { help });
    return 0;
  } catch (error) {
    if (!output.isJson && args.length === 0) {
      output.note(help);
      return EXIT_CODES.usage;
    }
    return reportFailure(error, output, "bitlinear --help");
  }
}

function describeUnknown(id: string): string {
  const ids = commands.map((entry) => entry.id);
  const meant = nearestName(id, ids);
  if (meant !== undefined) return `unknown command ${JSON.stringify(id)}; did you mean ${meant}?`;
  return `unknown command ${JSON.stringify(id)}; the commands are: ${ids.join(", ")}`;
}
