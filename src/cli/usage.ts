import type { UpdateError } from "../platform/errors.ts";
import { escapeControls } from "../platform/plain-text.ts";
import type { HelpTopic } from "./arguments.ts";
import { type Flag, type FlagTable, GLOBAL_FLAGS } from "./flags.ts";
import type { Command, Program } from "./program.ts";

const WIDTH = 80;
const GAP = 2;

/** The help of the program, of one of its commands, or of a group of them, ready to print. Hidden commands and flags are left out. */
export function formatUsage(program: Program, topic: HelpTopic): string {
  const sections = sectionsOf(program, topic);
  return `${sections.filter((section) => section !== "").join("\n\n")}\n`;
}

/** For a command line whose words are known, and a value of it is no good: the help would push the reason off the screen. */
export function formatBadValue(
  { name }: Program,
  topic: HelpTopic,
  { message, hint }: Pick<UpdateError, "message"> & { hint?: string | undefined },
): string {
  const about = typeof topic === "string" ? topic : topic?.meta.name;
  const advice = [hint, `see \`${name} help${about === undefined ? "" : ` ${about}`}\``];
  const escaped = [`ERROR: ${message}`, ...advice.filter((one) => one !== undefined)].map(escapeControls);
  return `${escaped.join("\n")}\n`;
}

function sectionsOf(program: Program, topic: HelpTopic): string[] {
  if (topic === undefined) return programSections(program);
  return typeof topic === "string" ? groupSections(program, topic) : commandSections(program, topic);
}

function groupSections({ name, commands }: Program, group: string): string[] {
  const rows = commands
    .filter(({ meta }) => meta.name.startsWith(`${group} `))
    .map(({ meta }): Row => [meta.name, meta.description]);
  return [
    `usage: ${name} [flags] ${group} COMMAND [flags]`,
    table("Commands", rows),
    `See \`${name} help ${group} COMMAND\` for the flags of a command.`,
  ];
}

function programSections(program: Program): string[] {
  const rows = program.commands
    .filter(({ meta }) => !meta.hidden)
    .map(({ meta }): Row => [meta.name, meta.description]);
  return [
    `usage: ${program.name} [flags] COMMAND [flags]`,
    paragraph(program.description),
    table("Commands", [...rows, ["help [COMMAND]", "Show this help, or that of a command."]]),
    flagTable("Flags", GLOBAL_FLAGS),
    `See \`${program.name} help COMMAND\` for the flags of a command.`,
  ];
}

function commandSections(program: Program, { meta, args, notes = [], globals, needsRoot }: Command): string[] {
  const shown: readonly string[] = globals ?? Object.keys(GLOBAL_FLAGS);
  return [
    `usage: ${[program.name, meta.name, ...requiredFlags(args), "[flags]"].join(" ")}`,
    paragraph(needsRoot ? `${meta.description} Must be run as root.` : meta.description),
    flagTable(
      "Flags",
      flagsWhere(args, ({ special }) => !special),
    ),
    flagTable(
      "For special cases",
      flagsWhere(args, ({ special }) => special === true),
    ),
    ...notes.map(paragraph),
    flagTable(
      "Global flags",
      flagsWhere(GLOBAL_FLAGS, (_, name) => shown.includes(name)),
    ),
  ];
}

function flagsWhere(flags: FlagTable, isWanted: (flag: Flag, name: string) => boolean): FlagTable {
  return Object.fromEntries(Object.entries(flags).filter(([name, flag]) => isWanted(flag, name)));
}

function requiredFlags(flags: FlagTable): string[] {
  return Object.entries(flags).flatMap(([name, flag]) => (flag.required ? [flagForms(name, flag).trim()] : []));
}

type Row = [left: string, right: string];

function flagTable(title: string, flags: FlagTable): string {
  const shown = Object.entries(flags).filter(([, flag]) => !flag.hidden);
  return table(
    title,
    shown.map(([name, flag]) => [flagForms(name, flag), flagNotes(flag)]),
  );
}

/** `-p, --proxy ADDRESS`, `-d, --[no-]debug`; a flag without a short form is set in as far as the others. */
function flagForms(name: string, flag: Flag): string {
  const short = flag.alias === undefined ? "    " : `-${flag.alias}, `;
  if (flag.type === "boolean") return name === "help" ? `${short}--help` : `${short}--[no-]${name}`;
  return `${short}--${name} ${flag.valueHint ?? "VALUE"}`;
}

function flagNotes(flag: Flag): string {
  const notes = [
    flag.description,
    flag.required ? "(required)" : undefined,
    flag.repeatable ? "(may be repeated)" : undefined,
    flag.default === undefined ? undefined : `(default: ${flag.default})`,
    flag.env === undefined ? undefined : `[$${flag.env}]`,
  ];
  return notes.filter((note) => note !== undefined).join(" ");
}

function table(title: string, rows: readonly Row[]): string {
  if (rows.length === 0) return "";
  const left = Math.max(...rows.map(([head]) => head.length)) + GAP;
  const lines = rows.map(([head, text]) => {
    const [first = "", ...more] = wrap(text, WIDTH - left - GAP);
    return [`  ${head.padEnd(left)}${first}`, ...more.map((line) => " ".repeat(left + GAP) + line)].join("\n");
  });
  return [`${title}:`, ...lines].join("\n");
}

function paragraph(text: string): string {
  return wrap(text, WIDTH).join("\n");
}

/** Breaks at spaces, into lines of at most `width` characters where the words allow it. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
