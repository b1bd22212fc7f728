import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandLine, type ShownCommand, spellings } from "../../../scripts/release/command-line.ts";
import { COMPANIONS, companions } from "../../../scripts/release/companions.ts";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { GLOBAL_FLAGS } from "../../../src/cli/flags.ts";
import { must } from "../../support/must.ts";
import { isInstalled } from "./tools.ts";

/** What the shell offers for the last word of a command line, sorted. */
type Complete = (typed: string) => Promise<string[]>;

const TEXTS = companions(new Date(0));
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "completions-"));
  for (const path of Object.values(COMPANIONS)) await Bun.write(join(folder, path), TEXTS[path] ?? "");
  mkdirSync(join(folder, "here/folder"), { recursive: true });
  await Bun.write(join(folder, "here/key of the site.pem"), "");
});
afterAll(() => rmSync(folder, { recursive: true }));

/** As readline calls it: bash splits words at `=` too. */
const bash: Complete = (typed) =>
  run(["bash", "--norc", "-c", BASH_DRIVER, "bash", join(folder, COMPANIONS.bash), ...typed.split(/\s+|(?==)|(?<==)/)]);
const BASH_DRIVER = `
  source "$1"; shift
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
  compopt() { :; }
  _teleport_update
  printf '%s\\n' "\${COMPREPLY[@]}"`;

const fish: Complete = async (typed) => {
  const offers = await run([
    "fish",
    "--no-config",
    "-c",
    'source "$argv[1]"; complete -C "$argv[2]"',
    join(folder, COMPANIONS.fish),
    typed,
  ]);
  return offers.map((offer) => offer.split("\t")[0] ?? "");
};

/** Its completion runs only in the editor of an interactive shell: one of its own, in a terminal of its own. */
const zsh: Complete = (typed) =>
  run(["zsh", "-f", join(import.meta.dir, "complete.zsh"), join(folder, "completions/zsh"), typed]);

async function run(argv: readonly string[]): Promise<string[]> {
  const child = Bun.spawn([...argv], {
    cwd: join(folder, "here"),
    env: { PATH: "/usr/bin:/bin", HOME: folder, TERM: "dumb", LANG: "C.UTF-8" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  if ((await child.exited) !== 0 || stderr !== "") throw new Error(`\`${argv[0]}\` failed:\n${stderr}`);
  const words = stdout.split("\n").map((line) => line.trimEnd());
  return [...new Set(words.filter((line) => line !== ""))].sort();
}

const VISIBLE = COMMANDS.filter(({ meta }) => !meta.hidden);
const FIRST = [...new Set(VISIBLE.map(({ meta }) => meta.name.split(" ")[0] ?? "")), "help"].sort();
const SECOND = VISIBLE.flatMap(({ meta }) => meta.name.split(" ")[1] ?? []).sort();
const HIDDEN = [
  ...new Set([GLOBAL_FLAGS, ...COMMANDS.map(({ args }) => args)].flatMap((flags) => Object.entries(flags))),
]
  .filter(([, { hidden }]) => hidden)
  .map(([name]) => `--${name}`);

const SHELLS: [name: string, syntax: string[], complete: Complete][] = [
  ["bash", ["bash", "-n", COMPANIONS.bash], bash],
  ["fish", ["fish", "--no-execute", COMPANIONS.fish], fish],
  ["zsh", ["zsh", "-f", "-n", COMPANIONS.zsh], zsh],
];

describe.each(SHELLS.filter(([shell]) => isInstalled(shell)))("%s", (_, [program = "", ...args], complete) => {
  test("reads the text without a complaint", async () => {
    expect(await must([program, ...args.slice(0, -1), join(folder, args.at(-1) ?? "")])).toBe("");
  });

  test("offers every command that the help shows, and no other", async () => {
    expect(await complete("teleport-update ")).toEqual(FIRST);
    expect(await complete("teleport-update --root / mirror ")).toEqual(SECOND);
    expect(await complete("teleport-update -d un")).toEqual(["uninstall", "unlink-package", "unpin"]);
  });

  test("offers the same after `help`, and nothing after a whole command", async () => {
    expect(await complete("teleport-update help ")).toEqual(expect.arrayContaining(["enable", "mirror"]));
    expect(await complete("teleport-update help mirror ")).toEqual(SECOND);
  });

  test.each(VISIBLE.map(({ meta }) => meta.name))(
    "offers every flag of `%s` that is shown, and no hidden one",
    async (name) => {
      const { commands, globalFlags } = commandLine();
      const flags = [...globalFlags, ...(commands.find((command) => command.name === name)?.flags ?? [])];
      const offered = await complete(`teleport-update ${name} --`);
      const long = flags.map((flag) => `--${flag.name}`).sort();
      expect(
        offered
          .filter((word) => word.startsWith("--") && !word.startsWith("--no-"))
          .map((word) => word.replace(/=$/, "")),
      ).toEqual(long);
      expect(flags.flatMap(spellings)).toContain("-h");
    },
  );

  test("offers the ways to turn a flag off only once they are begun", async () => {
    expect(await complete("teleport-update update --no-")).toEqual([
      "--no-debug",
      "--no-insecure",
      "--no-now",
      "--no-self-setup",
    ]);
  });

  test("offers what a value can be", async () => {
    expect(await complete("teleport-update --log-format ")).toEqual(["json", "text"]);
    expect(await complete("teleport-update mirror build --edition ent")).toEqual(["ent", "ent-fips"]);
    expect(await complete("teleport-update enable --arch ")).toEqual(["amd64", "arm64"]);
    expect(await complete("teleport-update mirror serve --user nob")).toEqual(["nobody"]);
  });

  test("offers files where a file is wanted, and folders alone where one is", async () => {
    expect((await complete("teleport-update mirror build --sign k")).join()).toMatch(/^key\\? of\\? the\\? site\.pem$/);
    const folders = await complete("teleport-update mirror build --to ");
    expect(folders.map((name) => name.replace(/\/$/, ""))).toEqual(["folder"]);
    expect(await complete("teleport-update enable --group ")).toEqual([]);
  });

  test("offers nothing where nobody can know the value, and runs nothing either", async () => {
    const { commands } = commandLine();
    const textFlags = ({ name, flags }: ShownCommand) =>
      flags.flatMap((flag) =>
        flag.value?.kind === "text" ? [[flag.value.hint, `teleport-update ${name} --${flag.name} `] as const] : [],
      );
    // One of each hint, as each takes a shell of its own.
    const typed = new Map(commands.flatMap(textFlags));
    expect(typed.get("HOST:PORT")).toBe("teleport-update mirror serve --listen ");
    for (const line of typed.values()) expect(await complete(line)).toEqual([]);
  });
});

test("bash offers a value behind an equals sign too", async () => {
  expect(await bash("teleport-update --log-format=")).toEqual(["json", "text"]);
  expect(await bash("teleport-update --root=/x mirror ver")).toEqual(["verify"]);
});

test.each(Object.values(COMPANIONS))("%s has each flag of the help, and none that is hidden", (path) => {
  const text = (TEXTS[path] ?? "").replaceAll(/Fl Fl /g, "--").replaceAll(" -l ", " --");
  const { globalFlags, commands } = commandLine();
  const shown = [...globalFlags, ...commands.flatMap(({ flags }) => flags)].map(({ name }) => `--${name}`);
  const has = (flag: string) => new RegExp(`${flag}(?![a-z-])`).test(text);
  expect(shown.filter((flag) => !has(flag))).toEqual([]);
  expect(HIDDEN).toContain("--install-dir");
  expect(HIDDEN.filter((flag) => !shown.includes(flag) && has(flag))).toEqual([]);
});

test.each(["shellcheck"].filter(isInstalled))("%s has nothing to say about the text for bash", async (shellcheck) => {
  expect(await must([shellcheck, "--shell=bash", join(folder, COMPANIONS.bash)])).toBe("");
});
