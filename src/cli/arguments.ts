import { isUpdateError, type UpdateError } from "../platform/errors.ts";
import { nearest } from "../platform/nearest.ts";
import {
  didYouMean,
  forcedVersion,
  isFlagWord,
  quoted,
  readFlagWord,
  usageError,
  type WrittenFlag,
} from "./flag-words.ts";
import { type FlagTable, GLOBAL_FLAGS } from "./flags.ts";
import type { Command, CommandInput, EnvironmentValues, Program } from "./program.ts";
import { resolveValues } from "./values.ts";

/** What a command line asks for. */
export type Reading =
  | { kind: "run"; command: Command; values: CommandInput["values"]; sources: CommandInput["sources"] }
  /** `--help`, `help` or `help COMMAND`. */
  | { kind: "help"; topic: HelpTopic }
  /**
   * Not understood: the reason, and what the command line is about as far as it was read by then. Where the words are not known
   * the help has what is; where only a value is no good, it says nothing that the reason does not.
   */
  | { kind: "refused"; topic: HelpTopic; reason: string; fault: "words" | "values" };

/** A command, the first word of several commands (`mirror`), or undefined for the program itself. */
export type HelpTopic = Command | string | undefined;

/**
 * Reads a command line strictly (updater-core §1.1): an unknown flag, an unexpected word, a missing value, a repeated
 * flag that is no list, and a value outside an enumeration are each refused. Global flags stand before or after the
 * command, its own flags after it. A variable counts only where its flag is absent.
 */
export function readCommandLine(program: Program, argv: readonly string[], environment: EnvironmentValues): Reading {
  const line: Line = { words: [], written: [], command: undefined, group: undefined, asksForHelp: false };
  let fault: "words" | "values" = "words";
  try {
    scan(program, [...argv], line);
    if (line.asksForHelp) return { kind: "help", topic: line.command ?? line.group };
    if (line.command === undefined) throw usageError(noCommand(line.group));
    fault = "values";
    const flags = { ...GLOBAL_FLAGS, ...line.command.args };
    const resolved = resolveValues(flags, line.written, environment);
    if (line.group !== undefined && resolved.sources.root !== "default") throw ofThisMachine(line.command);
    return { kind: "run", command: line.command, ...resolved };
  } catch (error) {
    if (!isUpdateError(error, "E_USAGE")) throw error;
    return { kind: "refused", topic: line.command ?? line.group, reason: error.message, fault };
  }
}

/** A mirror is a folder of this machine, and no part of a host: what looks as if it were made elsewhere is refused. */
function ofThisMachine({ meta }: Command): UpdateError {
  return usageError(`flag \`--root\` is not for \`${meta.name}\`, which takes paths of this machine`);
}

function noCommand(group: string | undefined): string {
  return group === undefined ? "no command given" : `\`${group}\` needs a second word`;
}

/** What was read so far; kept outside the scan, so that a refusal knows its command. */
interface Line {
  words: string[];
  written: WrittenFlag[];
  command: Command | undefined;
  /** The first word of a command of two. */
  group: string | undefined;
  asksForHelp: boolean;
}

function scan(program: Program, rest: string[], line: Line): void {
  let flags: FlagTable = GLOBAL_FLAGS;
  let flagsMayFollow = true;
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (flagsMayFollow && word === "--") flagsMayFollow = false;
    else if (flagsMayFollow && isCommandAsFlag(program, word, line, flags))
      throw usageError(`unknown flag ${quoted(word)}${didYouMean(word.slice(2))}`);
    else if (flagsMayFollow && isFlagWord(word)) line.written.push(...readFlagWord(word, rest, flags));
    else if (line.command !== undefined)
      throw usageError(`unexpected word ${quoted(word)}${didYouMean(forcedVersion(word, flags))}`);
    else if (word === "help") line.asksForHelp = true;
    else if (line.group === undefined && isGroup(program, word)) line.group = word;
    else {
      line.command = commandNamed(program, line.group === undefined ? word : `${line.group} ${word}`);
      flags = { ...GLOBAL_FLAGS, ...line.command.args };
    }
  }
  refuseRepeats(flags, line.written);
  line.asksForHelp ||= line.written.some(({ name, value }) => name === "help" && value === true);
}

function isGroup(program: Program, word: string): boolean {
  return program.commands.some(({ meta }) => meta.name.startsWith(`${word} `));
}

/** `--version` where a program has a command of that name. */
function isCommandAsFlag({ commands }: Program, word: string, { command, group }: Line, flags: FlagTable): boolean {
  if (command !== undefined || group !== undefined || !word.startsWith("--")) return false;
  const name = word.slice(2);
  return !Object.hasOwn(flags, name) && commands.some(({ meta }) => meta.name === name && !meta.hidden);
}

function commandNamed(program: Program, name: string): Command {
  const command = program.commands.find(({ meta }) => meta.name === name);
  if (command !== undefined) return command;
  const shown = program.commands.filter(({ meta }) => !meta.hidden).map(({ meta }) => meta.name);
  // A mistyped first word of two comes here alone.
  const groups = shown.flatMap((one) => (one.includes(" ") ? [one.slice(0, one.indexOf(" "))] : []));
  throw usageError(`unknown command ${quoted(name)}${didYouMean(nearest(name, [...shown, ...groups, "help"]))}`);
}

function refuseRepeats(flags: FlagTable, written: WrittenFlag[]): void {
  const seen = new Set<string>();
  for (const { name } of written) {
    if (seen.has(name) && !flags[name]?.repeatable) throw usageError(`flag \`--${name}\` is given more than once`);
    seen.add(name);
  }
}
