import { isUpdateError } from "../platform/errors.ts";
import { isFlagWord, quoted, readFlagWord, usageError, type WrittenFlag } from "./flag-words.ts";
import { type FlagTable, GLOBAL_FLAGS } from "./flags.ts";
import type { Command, CommandInput, EnvironmentValues, Program } from "./program.ts";
import { resolveValues } from "./values.ts";

/** What a command line asks for. */
export type Reading =
  | { kind: "run"; command: Command; values: CommandInput["values"]; sources: CommandInput["sources"] }
  /** `--help`, `help` or `help COMMAND`; `command` is undefined for the help of the program itself. */
  | { kind: "help"; command: Command | undefined }
  /** Not understood: the reason, and the command if it was read by then. */
  | { kind: "refused"; command: Command | undefined; reason: string };

/**
 * Reads a command line strictly (updater-core §1.1): an unknown flag, an unexpected word, a missing value, a repeated
 * flag that is no list, and a value outside an enumeration are each refused. Global flags stand before or after the
 * command, its own flags after it. A variable counts only where its flag is absent.
 */
export function readCommandLine(program: Program, argv: readonly string[], environment: EnvironmentValues): Reading {
  const line: Line = { words: [], written: [], command: undefined, asksForHelp: false };
  try {
    scan(program, [...argv], line);
    if (line.asksForHelp) return { kind: "help", command: line.command };
    if (line.command === undefined) throw usageError("no command given");
    const flags = { ...GLOBAL_FLAGS, ...line.command.args };
    return { kind: "run", command: line.command, ...resolveValues(flags, line.written, environment) };
  } catch (error) {
    if (!isUpdateError(error, "E_USAGE")) throw error;
    return { kind: "refused", command: line.command, reason: error.message };
  }
}

/** What was read so far; kept outside the scan, so that a refusal knows its command. */
interface Line {
  words: string[];
  written: WrittenFlag[];
  command: Command | undefined;
  asksForHelp: boolean;
}

function scan(program: Program, rest: string[], line: Line): void {
  let flags: FlagTable = GLOBAL_FLAGS;
  let flagsMayFollow = true;
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (flagsMayFollow && word === "--") flagsMayFollow = false;
    else if (flagsMayFollow && isFlagWord(word)) line.written.push(...readFlagWord(word, rest, flags));
    else if (line.command !== undefined) throw usageError(`unexpected word ${quoted(word)}`);
    else if (word === "help" && !line.asksForHelp) line.asksForHelp = true;
    else {
      const group = program.commands.some(({ meta }) => meta.name.startsWith(`${word} `));
      const second = group && rest[0] !== undefined && !isFlagWord(rest[0]) ? rest.shift() : undefined;
      line.command = commandNamed(program, second === undefined ? word : `${word} ${second}`);
      flags = { ...GLOBAL_FLAGS, ...line.command.args };
    }
  }
  refuseRepeats(flags, line.written);
  line.asksForHelp ||= line.written.some(({ name, value }) => name === "help" && value === true);
}

function commandNamed(program: Program, name: string): Command {
  const command = program.commands.find(({ meta }) => meta.name === name);
  if (command === undefined) throw usageError(`unknown command ${quoted(name)}`);
  return command;
}

function refuseRepeats(flags: FlagTable, written: WrittenFlag[]): void {
  const seen = new Set<string>();
  for (const { name } of written) {
    if (seen.has(name) && !flags[name]?.repeatable) throw usageError(`flag \`--${name}\` is given more than once`);
    seen.add(name);
  }
}
