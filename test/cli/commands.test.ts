import { describe, expect, test } from "bun:test";
import { COMMANDS } from "../../src/cli/commands.ts";
import { type FlagTable, GLOBAL_FLAGS } from "../../src/cli/flags.ts";
import { READ_VARIABLES } from "../../src/settings/environment.ts";

const TABLES: [name: string, flags: FlagTable][] = [
  ["every command", GLOBAL_FLAGS],
  ...COMMANDS.map(({ meta, args }): [string, FlagTable] => [meta.name, args]),
];

/** Flag by variable, as the commands declare it: `--proxy` for `TELEPORT_PROXY`. */
function declared(): Record<string, string> {
  const flags = TABLES.flatMap(([, table]) => Object.entries(table));
  return Object.fromEntries(flags.flatMap(([name, { env }]) => (env === undefined ? [] : [[env, `--${name}`]])));
}

/** The same, as the one table of variables documents it; there the command may stand before the flag. */
function documented(): Record<string, string> {
  const variables = Object.entries(READ_VARIABLES);
  return Object.fromEntries(
    variables.flatMap(([name, entry]) => ("flag" in entry ? [[name, entry.flag.replace(/^.* /, "")]] : [])),
  );
}

test("flags and the table of variables agree", () => {
  expect(declared()).toEqual(documented());
});

describe.each(TABLES)("the flags of %s", (name, flags) => {
  const own = Object.entries(flags);
  const inherited: FlagTable = name === "every command" ? {} : GLOBAL_FLAGS;
  const all = [...Object.entries(inherited), ...own];

  test("have names and letters of their own", () => {
    const names = all.map(([flag]) => flag);
    expect(new Set(names).size).toBe(names.length);
    const letters = all.flatMap(([, { alias }]) => alias ?? []);
    expect(new Set(letters).size).toBe(letters.length);
  });

  test("have short forms of one letter, and a description", () => {
    for (const [, { alias, description }] of own) {
      expect(alias ?? "x").toMatch(/^[a-z]$/);
      expect(description).toMatch(/^\S.*[^.]$/);
    }
  });
});

test("a name never begins as a negation does", () => {
  const names = TABLES.flatMap(([, flags]) => Object.keys(flags));
  expect(names.filter((name) => name.startsWith("no-"))).toEqual([]);
});

test("the contract's commands that are there, with their root rule and hidden marks", () => {
  expect(COMMANDS.map(({ meta, needsRoot }) => [meta.name, needsRoot, meta.hidden ?? false])).toEqual([
    ["enable", true, false],
    ["disable", true, false],
    ["status", false, false],
    ["setup", true, true],
    ["version", false, false],
  ]);
});
