import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandLine } from "../../../scripts/release/command-line.ts";
import { COMPANIONS, companions } from "../../../scripts/release/companions.ts";
import { manPage } from "../../../scripts/release/man-page.ts";
import { isInstalled } from "./tools.ts";

const DAY = new Date("2020-02-03T23:59:59Z");

let folder: string;
let page: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "manual-"));
  page = join(folder, "teleport-update.8");
  await Bun.write(page, companions(DAY)[COMPANIONS.manual] ?? "");
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What a formatter of the manual complains about, and the page as it would show it. */
async function format(argv: readonly string[]): Promise<{ complaints: string[]; text: string }> {
  const child = Bun.spawn([...argv, page], {
    env: { PATH: "/usr/bin:/bin", LANG: "C.UTF-8", MANWIDTH: "500", MAN_KEEP_FORMATTING: "" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  const isLint = argv.includes("-Tlint");
  // It asks for a page of systemd's, which need not be installed here.
  const complaints = `${isLint ? stdout : ""}${stderr}`.split("\n").filter((line) => !/^$|mandoc\.db lacks/.test(line));
  return { complaints, text: stdout };
}

const FORMATTERS: [name: string, argv: string[]][] = [
  ["groff", ["groff", "-mandoc", "-ww", "-z", "-Tutf8"]],
  ["man", ["man", "--warnings=w", "-l"]],
  ["mandoc", ["mandoc", "-Tlint"]],
];
const INSTALLED = FORMATTERS.filter(([name]) => isInstalled(name));

test.each(INSTALLED)("%s sets the page without a warning", async (_, argv) => {
  expect((await format(argv)).complaints).toEqual([]);
});

test("a page with a mistake in it is warned about", async () => {
  const faulty = join(folder, "faulty.8");
  await Bun.write(faulty, `${await Bun.file(page).text()}.Bl -tag\n.It Xy\n`);
  for (const [, argv] of INSTALLED.filter(([name]) => name !== "man")) {
    const { stdout, stderr } = Bun.spawnSync([...argv, faulty], { stdin: "ignore" });
    expect(`${stdout}${stderr}`).toMatch(/faulty\.8:|warning/);
  }
});

describe.each(INSTALLED.filter(([name]) => name === "man"))("as %s shows it", (_, argv) => {
  let text: string;
  beforeAll(async () => {
    text = (await format(argv)).text.replaceAll(/ +/g, " ");
  });

  test("every command has its synopsis, with the flags that it needs", () => {
    for (const { name } of commandLine().commands) expect(text).toContain(` teleport-update ${name}`);
    expect(text).toContain(" teleport-update mirror serve --at DIR --listen HOST:PORT [flags]\n");
    expect(text).not.toContain("teleport-update setup");
  });

  test("a flag tells its letter, its value, its default and its variable", () => {
    expect(text).toContain("-p ADDRESS, --proxy ADDRESS\n");
    expect(text).toContain("How many archives are fetched at a time. Default: 3.\n");
    expect(text).toContain(
      "Name of the installation, for more than one on a host. Variable: TELEPORT_INSTALL_SUFFIX.\n",
    );
  });

  test("flags for special cases stand behind the others of their command", () => {
    expect(text).toMatch(/ --offline\n[\s\S]*?\n *For special cases:\s+(-f VERSION, )?--force-version VERSION\n/);
  });

  test("it says which flags of `enable` are kept", () => {
    expect(text).toMatch(/Kept for later runs: --proxy, --group,[\s\S]*For this run only: --overwrite,/);
  });

  test("it is of the day of the commit, wherever it is made", () => expect(text).toContain("February 3, 2020"));
});

test("nothing in a description acts as a request or an escape", () => {
  const command = { name: "odd", description: ".Ex is 'quoted' \\n here", needsRoot: false, flags: [], notes: [] };
  const line = { program: "odd", globalFlags: [], commands: [command] };
  expect(manPage(line, { date: DAY, variables: [] })).toContain("\\&.Ex is 'quoted' \\en here\n");
});
