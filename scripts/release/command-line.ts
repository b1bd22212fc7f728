import { COMMANDS } from "../../src/cli/commands.ts";
import { type Flag, type FlagTable, GLOBAL_FLAGS } from "../../src/cli/flags.ts";
import type { Command } from "../../src/cli/program.ts";
import { ARCHITECTURES, EDITIONS } from "../../src/mirror/archive-names.ts";

/** The command line as its completions and its manual show it: the tables of `src/cli/` without what is hidden. */
export interface CommandLine {
  program: string;
  globalFlags: readonly ShownFlag[];
  /** In the order of the help. */
  commands: readonly ShownCommand[];
}

export interface ShownCommand {
  /** One word, or two: `mirror build`. */
  name: string;
  description: string;
  needsRoot: boolean;
  flags: readonly ShownFlag[];
  /** Paragraphs behind the flags. */
  notes: readonly string[];
}

export interface ShownFlag {
  name: string;
  letter: string | undefined;
  description: string;
  isRequired: boolean;
  isRepeatable: boolean;
  /** Few need it: it stands behind the others. */
  isSpecial: boolean;
  /** The variable that stands in for it. */
  variable: string | undefined;
  default: string | undefined;
  /** Undefined for a flag that is on or off. */
  value: FlagValue | undefined;
  /** May be turned off with `--no-NAME`. */
  isNegatable: boolean;
}

/** What a shell can say about the value of a flag. */
export interface FlagValue {
  /** As in the help: `FILE`. */
  hint: string;
  kind: "file" | "directory" | "user" | "words" | "text";
  /** All that it can be, for `words`. */
  words: readonly string[];
}

export function commandLine(): CommandLine {
  return {
    program: "teleport-update",
    globalFlags: shownFlags(GLOBAL_FLAGS),
    commands: COMMANDS.filter(({ meta }) => !meta.hidden).map(shownCommand),
  };
}

/** The first words of commands of two: `mirror`, with what may follow. */
export function commandGroups({ commands }: CommandLine): Map<string, ShownCommand[]> {
  return Map.groupBy(
    commands.filter(({ name }) => name.includes(" ")),
    ({ name }) => firstWord(name),
  );
}

/** What may follow the name of the program, besides flags: commands, groups and `help`. */
export function firstWords(line: CommandLine): { word: string; description: string }[] {
  const words = new Map(
    line.commands.map(({ name, description }) => [
      firstWord(name),
      name.includes(" ") ? groupDescription(line, firstWord(name)) : description,
    ]),
  );
  words.set("help", "Show the help of the program, or of a command.");
  return [...words].map(([word, description]) => ({ word, description }));
}

export function secondWord(name: string): string {
  return name.split(" ")[1] ?? "";
}

/** `--proxy` and `-p`. */
export function spellings({ name, letter }: ShownFlag): string[] {
  return [`--${name}`, ...(letter === undefined ? [] : [`-${letter}`])];
}

function firstWord(name: string): string {
  return name.split(" ")[0] ?? name;
}

function groupDescription(line: CommandLine, group: string): string {
  const seconds = line.commands.filter(({ name }) => name.startsWith(`${group} `)).map(({ name }) => secondWord(name));
  return `Commands about a ${group}: ${seconds.join(", ")}.`;
}

function shownCommand({ meta, args, notes = [], needsRoot }: Command): ShownCommand {
  return { name: meta.name, description: meta.description, needsRoot, flags: shownFlags(args), notes };
}

function shownFlags(flags: FlagTable): ShownFlag[] {
  return Object.entries(flags)
    .filter(([, { hidden }]) => !hidden)
    .map(([name, flag]) => ({
      name,
      letter: typeof flag.alias === "string" ? flag.alias : undefined,
      description: flag.description ?? "",
      isRequired: flag.required === true,
      isRepeatable: flag.repeatable === true,
      isSpecial: flag.special === true,
      variable: flag.env,
      default: flag.default === undefined ? undefined : String(flag.default),
      value: flagValue(name, flag),
      isNegatable: flag.type === "boolean" && name !== "help",
    }));
}

const KIND_BY_HINT: Record<string, FlagValue["kind"]> = {
  FILE: "file",
  DIR: "directory",
  PATH: "file",
  PLACE: "directory",
};
/** Where the hint of the help says too little. */
const BY_NAME: Record<string, Pick<FlagValue, "kind" | "words">> = {
  edition: { kind: "words", words: Object.keys(EDITIONS) },
  arch: { kind: "words", words: ARCHITECTURES },
  user: { kind: "user", words: [] },
  // A path in addresses.
  prefix: { kind: "text", words: [] },
};

function flagValue(name: string, flag: Flag): FlagValue | undefined {
  if (flag.type === "boolean") return undefined;
  const hint = flag.valueHint ?? "VALUE";
  if (flag.type === "enum") return { hint, kind: "words", words: flag.options };
  return { hint, ...(BY_NAME[name] ?? { kind: KIND_BY_HINT[hint] ?? "text", words: [] }) };
}
