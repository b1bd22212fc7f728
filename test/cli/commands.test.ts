import { describe, expect, test } from "bun:test";
import { COMMANDS } from "../../src/cli/commands.ts";
import { ENROLL_FLAGS, ENROLL_NOTES } from "../../src/cli/enroll-flags.ts";
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

test("what is kept of `enable`, and what is not, names each of its flags at most once", () => {
  const named = ENROLL_NOTES.flatMap((note) => note.match(/--[a-z-]+/g) ?? []);
  expect(new Set(named).size).toBe(named.length);
  const others = Object.keys(ENROLL_FLAGS).filter((name) => !named.includes(`--${name}`));
  expect(others).toEqual(["hand-over", "arch", "updater", "offline"]);
});

test("a name never begins as a negation does", () => {
  const names = TABLES.flatMap(([, flags]) => Object.keys(flags));
  expect(names.filter((name) => name.startsWith("no-"))).toEqual([]);
});

test("the contract's commands, in its order, with their root rule and hidden marks", () => {
  expect(COMMANDS.map(({ meta, needsRoot }) => [meta.name, needsRoot, meta.hidden ?? false])).toEqual([
    ["version", false, false],
    ["enable", true, false],
    ["disable", true, false],
    ["pin", true, false],
    ["unpin", true, false],
    ["update", true, false],
    ["link-package", true, false],
    ["unlink-package", true, false],
    ["setup", true, true],
    ["status", false, false],
    ["verify", false, false],
    ["history", true, false],
    ["uninstall", true, false],
    ["mirror build", false, false],
    ["mirror verify", false, false],
    ["mirror keygen", false, false],
    ["mirror bundle", false, false],
    ["mirror import", false, false],
    ["mirror serve", false, false],
  ]);
});

test("the flags of each command, with their letters; hidden ones in brackets, those for special cases in braces", () => {
  const shown = ([name, { alias, hidden, special }]: [string, FlagTable[string]]) => {
    const form = alias === undefined ? `--${name}` : `--${name}/-${alias}`;
    if (special) return `{${form}}`;
    return hidden ? `[${form}]` : form;
  };
  const rows = COMMANDS.map(({ meta, args }) => [meta.name, Object.entries(args).map(shown).join(" ")]);
  const options =
    "--ca-file --trusted-key --insecure-skip-signature --min-version --max-version --min-age --downgrade --netrc --bearer-token-file --client-cert --client-key --proxy-env";
  const enroll = `--proxy/-p --group/-g --base-url/-b --overwrite/-o --allow-proxy-conflict --from --digest ${options} --hand-over --arch --updater --offline`;
  const enrollSpecial = "{--force-flag} {--self-setup} {--path} {--selinux-ssh}";
  expect(Object.fromEntries(rows)).toEqual({
    version: "",
    enable: `${enroll} {--force-version/-f} ${enrollSpecial}`,
    disable: "",
    pin: `${enroll} --force-version/-f ${enrollSpecial}`,
    unpin: "",
    update: "--now/-n {--self-setup}",
    "link-package": "",
    "unlink-package": "",
    setup: "--path --reload --version --flag [--selinux-ssh] --tbot",
    status: "--err-if-should-update-now",
    verify: "--json",
    history: "--json",
    uninstall: "--force/-f",
    "mirror build":
      "--to --version/-v --proxy/-p --group/-g --edition --arch --from --installer --keep --jobs --sign --replace-signatures --digest --trusted-key --insecure-skip-signature --ca-file --netrc --bearer-token-file --client-cert --client-key",
    "mirror verify": "--at --trusted-key --json",
    "mirror keygen": "--to",
    "mirror bundle": "--at --to --version/-v --sign",
    "mirror import": "--from --to --digest --trusted-key --replace-signatures",
    "mirror serve": "--at --listen --tls-cert --tls-key --user --prefix",
  });
});
