import { UpdateError } from "../platform/errors.ts";
import { nearest } from "../platform/nearest.ts";
import { escapeControls } from "../platform/plain-text.ts";
import type { Flag, FlagTable } from "./flags.ts";

/** A flag as written: `true` and `false` for a boolean, else its text. */
export interface WrittenFlag {
  name: string;
  value: string | boolean;
}

/** True for `-x` and `--x`; a lone `-` is a word. */
export function isFlagWord(word: string): boolean {
  return word.length > 1 && word.startsWith("-");
}

/**
 * Reads the flags of one word: `--flag`, `--no-flag`, `--flag=value`, or a group of short ones (`-dn`, `-pvalue`,
 * `-p=value`). A value that is not in the word itself is taken from the front of `rest`; a word that looks like a flag
 * is never a value (as in kingpin), so that a forgotten value does not swallow the next flag. Fails with `E_USAGE`.
 */
export function readFlagWord(word: string, rest: string[], flags: FlagTable): WrittenFlag[] {
  return word.startsWith("--") ? [readLong(word, rest, flags)] : readShortGroup(word, rest, flags);
}

function readLong(word: string, rest: string[], flags: FlagTable): WrittenFlag {
  const [written, attached] = splitAt(word.slice(2), "=");
  const positive = written.startsWith("no-") ? written.slice("no-".length) : "";
  const isNegated = !Object.hasOwn(flags, written) && flagNamed(flags, positive)?.type === "boolean";
  const name = isNegated ? positive : written;
  const flag = flagNamed(flags, name);
  if (flag === undefined) {
    const isVersion = written === "version" && Object.hasOwn(flags, FORCE_VERSION);
    const meant = forcedVersion(attached ?? rest[0] ?? "", flags) ?? `--${FORCE_VERSION}`;
    throw unknownFlag(`--${written}`, isVersion ? meant : nearestFlag(written, flags));
  }
  if (flag.type !== "boolean") return { name, value: attached ?? takeValue(`--${name}`, rest) };
  if (attached !== undefined)
    throw usageError(`flag \`--${written}\` takes no value; say \`--no-${name}\` to turn it off`);
  return { name, value: !isNegated };
}

function readShortGroup(word: string, rest: string[], flags: FlagTable): WrittenFlag[] {
  const [long] = splitAt(word.slice(1), "=");
  // As letters it would pass for another flag with the rest for its value: `-proxy` for the proxy `roxy`.
  if (long.length > 1 && flagNamed(flags, long) !== undefined) throw unknownFlag(`-${long}`, `--${long}`);
  const found: WrittenFlag[] = [];
  for (let at = 1; at < word.length; at += 1) {
    const letter = word.charAt(at);
    const entry = Object.entries(flags).find(([, flag]) => flag.alias === letter);
    if (entry === undefined) throw unknownFlag(`-${letter}`, nearestFlag(long, flags));
    const [name, flag] = entry;
    if (flag.type !== "boolean") {
      const attached = word.slice(at + 1);
      const value = attached === "" ? takeValue(`-${letter}`, rest) : attached.replace(/^=/, "");
      return [...found, { name, value }];
    }
    found.push({ name, value: true });
  }
  return found;
}

const FORCE_VERSION = "force-version";

/** What a lone version is most likely meant for, where a command takes one; undefined for any other word. */
export function forcedVersion(word: string, flags: FlagTable): string | undefined {
  const isVersion = /^v?\d+\.\d+\.\d+[\w.+-]*$/.test(word);
  return isVersion && Object.hasOwn(flags, FORCE_VERSION) ? `--${FORCE_VERSION} ${word}` : undefined;
}

function nearestFlag(written: string, flags: FlagTable): string | undefined {
  const shown = Object.keys(flags).filter((name) => !flags[name]?.hidden);
  const name = nearest(written.replace(/^-+/, ""), shown);
  return name && `--${name}`;
}

function unknownFlag(written: string, meant: string | undefined): UpdateError {
  return usageError(`unknown flag ${quoted(written)}${didYouMean(meant)}`);
}

/** The end of a message about a word that is not known. */
export function didYouMean(meant: string | undefined): string {
  return meant === undefined ? "" : `; did you mean \`${meant}\`?`;
}

function takeValue(flag: string, rest: string[]): string {
  const next = rest[0];
  if (next === undefined || isFlagWord(next)) throw usageError(`flag \`${flag}\` needs a value`);
  rest.shift();
  return next;
}

function flagNamed(flags: FlagTable, name: string): Flag | undefined {
  return Object.hasOwn(flags, name) ? flags[name] : undefined;
}

function splitAt(text: string, separator: string): [head: string, tail: string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** A word of the command line, in a message: as typed, with nothing in it that a terminal would act on. */
export function quoted(word: string): string {
  return `\`${escapeControls(word)}\``;
}

export function usageError(message: string): UpdateError {
  return new UpdateError("E_USAGE", message);
}
