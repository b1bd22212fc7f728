import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageJson from "../../package.json";
import { COMMANDS } from "../../src/cli/commands.ts";
import { expectGolden } from "../support/golden.ts";

const PROGRAM = join(import.meta.dir, "../../src/bin/teleport-update.ts");
const GOLDEN = join(import.meta.dir, "golden");

let root = "";
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "main-test-"));
});
afterAll(() => rmSync(root, { recursive: true }));

/** Runs the program in a process of its own; `redirect` is what a shell says after a command. */
async function run(
  words: string[],
  { redirect = "", environment = {} }: { redirect?: string; environment?: object } = {},
) {
  const child = Bun.spawn(["/bin/sh", "-c", `exec "$@" ${redirect}`, "sh", process.execPath, PROGRAM, ...words], {
    env: { ...environment },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { exitCode: await child.exited, stdout, stderr };
}

describe("help goes to stdout and ends with 0", () => {
  test("of a group of commands", async () => {
    const { exitCode, stdout, stderr } = await run(["mirror", "--help"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expectGolden(join(GOLDEN, "mirror.txt"), stdout);
  });

  test("of the program", async () => {
    const { exitCode, stdout, stderr } = await run(["--help"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expectGolden(join(GOLDEN, "teleport-update.txt"), stdout);
  });

  test.each(COMMANDS.map(({ meta }) => meta.name))("of %s", async (name) => {
    const { exitCode, stdout, stderr } = await run([name, "--help"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expectGolden(join(GOLDEN, `${name}.txt`), stdout);
  });
});

describe("a command line that is refused ends with 1: usage, then the error, on stderr", () => {
  test.each([
    [[], "teleport-update.txt", "no command given"],
    [["enable", "--frobnicate"], "enable.txt", "unknown flag `--frobnicate`"],
  ])("%j", async (words, usage, reason) => {
    const { exitCode, stdout, stderr } = await run(words);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(stderr).toBe(`${await Bun.file(join(GOLDEN, usage)).text()}\nERROR: ${reason}\n`);
  });
});

describe("a value that is no good is answered in short, also where the command itself finds out", () => {
  test.each([
    [["--log-format", "xml", "status"], "flag `--log-format` must be `text` or `json`, not `xml`", [], "status"],
    [
      ["mirror", "build", "--to", "/does/not/exist"],
      "no version is named",
      ["name versions with `--version 18.4.1`, or the cluster whose version is wanted with `--proxy HOST`"],
      "mirror build",
    ],
    [
      ["mirror", "build", "--to", "/does/not/exist", "--arch", "x86_64"],
      "flag `--arch` must be one of `amd64`, `arm64`, `386`, `arm`, not `x86_64`",
      [],
      "mirror build",
    ],
  ])("%j", async (words, reason, advice, command) => {
    const { exitCode, stdout, stderr } = await run(words);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(stderr).toBe([`ERROR: ${reason}`, ...advice, `see \`teleport-update help ${command}\``, ""].join("\n"));
  });

  test.each([
    ["--min-age", "foo"],
    ["--digest", "abc"],
  ])("of `enable %s`", async (flag, value) => {
    const { exitCode, stderr } = await run(["enable", "--root", root, flag, value]);
    expect(exitCode).toBe(1);
    expect(stderr).toStartWith(`ERROR: flag \`${flag}\` must be `);
    expect(stderr).toEndWith("see `teleport-update help enable`\n");
  });
});

describe("version", () => {
  test("prints one line", async () => {
    const { exitCode, stdout, stderr } = await run(["version"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toBe(`Teleport v${packageJson.version} git:unknown bun${Bun.version}\n`);
  });

  test.each([
    ["the disk is full", "> /dev/full"],
    ["the reader of the pipe is gone", "3<>$FIFO 4>$FIFO 3<&- >&4"],
  ])("fails when %s", async (_, redirect) => {
    const FIFO = join(root, "fifo");
    Bun.spawnSync(["mkfifo", FIFO]);
    const { exitCode, stderr } = await run(["--log-format=json", "version"], { redirect, environment: { FIFO } });
    expect(exitCode).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({ level: "error", message: "command failed", code: "E_IO" });
  });

  test("fails in help as well", async () => {
    const { exitCode, stderr } = await run(["--help"], { redirect: "> /dev/full" });
    expect(exitCode).toBe(1);
    expect(stderr).toStartWith("ERROR: standard output cannot be written");
  });
});

describe("a failure is one log line and ends with 1", () => {
  test("a root that does not exist", async () => {
    const { exitCode, stdout, stderr } = await run(["disable", "--root", "/does/not/exist"]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(stderr).toMatch(/^\S+Z ERROR \[UPDATER\] {3}command failed error:".*" code:E_PATH hint:".*"\n$/);
  });

  test("a namespace that is not usable", async () => {
    const { exitCode, stderr } = await run(["--log-format=json", "--install-suffix=system", "status", "--root", root]);
    expect(exitCode).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({ message: "command failed", code: "E_NAMESPACE" });
  });

  test("status where nothing is installed", async () => {
    const { exitCode, stdout, stderr } = await run(["status", "--root", root]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(stderr).toContain("code:E_NOT_INSTALLED");
    expect(stderr).toContain(`\`teleport-update enable --root ${realpathSync(root)} --proxy ADDRESS\``);
  });
});

test("[threat refused-variables] a variable that could change the program is named and ignored", async () => {
  const environment = { NODE_TLS_REJECT_UNAUTHORIZED: "0" };
  const { stderr } = await run(["status", "--root", root], { environment });
  expect(stderr).toContain("variables:NODE_TLS_REJECT_UNAUTHORIZED");
});

test("a restrictive umask is replaced and warned of", async () => {
  const child = Bun.spawn(
    ["/bin/sh", "-c", `umask 077; exec "$@"`, "sh", process.execPath, PROGRAM, "disable", "--root", root],
    { env: {}, stdin: "ignore", stdout: "ignore", stderr: "pipe" },
  );
  const stderr = await new Response(child.stderr).text();
  expect(await child.exited).toBe(0);
  expect(stderr.match(/WARN .*detected/g)).toHaveLength(2);
});
