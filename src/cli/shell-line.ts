/** Command lines as somebody can type them again. */

/** A command of this program with its arguments, quoted for a POSIX shell. */
export function shellLine(command: string, args: readonly string[]): string {
  return ["npx bitlinear", command, ...args.map(quote)].join(" ");
}

/** Arguments without an option and its value. */
export function withoutOption(args: readonly string[], flag: string): string[] {
  return args.filter((arg, i) => arg !== flag && args[i - 1] !== flag && !arg.startsWith(`${flag}=`));
}

function quote(arg: string): string {
  return /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`;
}
