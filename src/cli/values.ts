import type { UpdateError } from "../platform/errors.ts";
import { quoted, usageError, type WrittenFlag } from "./flag-words.ts";
import type { Flag, FlagTable, Values } from "./flags.ts";
import type { EnvironmentValues, Source } from "./program.ts";

type Value = boolean | string | string[];

/**
 * The value of every flag of the table and the place that decided it: the command line, else a non-empty variable, else
 * the default (updater-core §1.1). Fails with `E_USAGE` on a bad value and on a required flag that nobody gave.
 */
export function resolveValues<Flags extends FlagTable>(
  flags: Flags,
  written: readonly WrittenFlag[],
  environment: EnvironmentValues,
): { values: Values<Flags>; sources: Record<keyof Flags, Source> } {
  const values: Record<string, Value> = {};
  const sources: Record<string, Source> = {};
  for (const [name, flag] of Object.entries(flags)) {
    const typed = written.filter((one) => one.name === name).map(({ value }) => value);
    const { value, source } = resolve(name, flag, typed, environment);
    values[name] = value;
    sources[name] = source;
  }
  return { values: values as Values<Flags>, sources: sources as Record<keyof Flags, Source> };
}

function resolve(
  name: string,
  flag: Flag,
  typed: (string | boolean)[],
  environment: EnvironmentValues,
): { value: Value; source: Source } {
  const [first] = typed;
  if (first !== undefined) {
    if (typed.includes("") && flag.type === "string" && !flag.mayBeEmpty) throw emptyText(name);
    const value = flag.repeatable ? typed.map(String) : checked(`flag \`--${name}\``, flag, first);
    return { value, source: "command line" };
  }
  const variable = flag.env === undefined ? undefined : environment[flag.env];
  if (flag.env !== undefined && variable) {
    return { value: fromVariable(flag.env, flag, variable), source: "environment" };
  }
  if (flag.required) throw usageError(`flag \`--${name}\` is required`);
  return { value: flag.default ?? emptyValue(flag), source: "default" };
}

/** What a script with an unset variable says: without what was to protect the host, it must not go on. */
function emptyText(name: string): UpdateError {
  return usageError(`flag \`--${name}\` is given with an empty value; give it one, or leave the flag out`);
}

function fromVariable(variable: string, flag: Flag, text: string): Value {
  if (flag.repeatable) return text.split("\n").filter((line) => line !== "");
  return checked(`variable \`${variable}\``, flag, flag.type === "boolean" ? truthOf(variable, text) : text);
}

/** The words for true and false that upstream takes in a variable: Go's `strconv.ParseBool`. */
function truthOf(variable: string, text: string): boolean {
  if (["1", "t", "T", "TRUE", "true", "True"].includes(text)) return true;
  if (["0", "f", "F", "FALSE", "false", "False"].includes(text)) return false;
  throw usageError(`variable \`${variable}\` must be \`true\` or \`false\`, not ${quoted(text)}`);
}

function checked(place: string, flag: Flag, value: string | boolean): string | boolean {
  if (flag.type !== "enum" || flag.options.includes(String(value))) return value;
  const options = flag.options.map((option) => `\`${option}\``).join(" or ");
  throw usageError(`${place} must be ${options}, not ${quoted(String(value))}`);
}

function emptyValue(flag: Flag): Value {
  if (flag.repeatable) return [];
  return flag.type === "boolean" ? false : "";
}
