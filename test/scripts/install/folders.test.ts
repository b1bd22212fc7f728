import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type InstallOptions, NOTING_PROGRAM, runInstallScript, SHELLS } from "../../support/install-run.ts";
import { startTarballServer, type TarballServer } from "../../support/tarball-server.ts";

const CA = ["--ca-file", "/mnt/ca.pem"];

/** In a namespace of its own a user has no other user to give a folder to. */
const OF_ROOT: [string, InstallOptions, string][] =
  process.getuid?.() === 0 ? [["elsewhere when it is another user's", { before: "chown 1 /tmp" }, "/var/tmp"]] : [];
if (OF_ROOT.length === 0) console.log("not tested: a folder of another user, which takes root");

let server: TarballServer;
beforeAll(async () => {
  const kinds = ["linux-amd64", "linux-arm64"];
  server = await startTarballServer({ version: "0.2.0", kinds, program: { script: NOTING_PROGRAM } });
}, 60_000);
afterAll(() => server[Symbol.asyncDispose]());

const run = (options: InstallOptions) =>
  runInstallScript(server.release.script, CA, { files: { "ca.pem": server.ca }, ...options });

describe("[threat install-folder] the program is unpacked", () => {
  test.each<[string, InstallOptions, string]>([
    ["in `/tmp`", {}, "/tmp"],
    ["in `/tmp`, whatever `TMPDIR` says", { env: { TMPDIR: "/opt" } }, "/tmp"],
    ["with no options but ours", { env: { TAR_OPTIONS: "--no-such-option", GZIP: "--no-such-option" } }, "/tmp"],
    ["elsewhere when `/tmp` runs no programs", { before: "mount -t tmpfs -o mode=1777,noexec tmpfs /tmp" }, "/var/tmp"],
    ["elsewhere when `/tmp` is full", { before: "mount -t tmpfs -o mode=1777,size=100m tmpfs /tmp" }, "/var/tmp"],
    ["elsewhere when others may rename what is in it", { before: "chmod 0777 /tmp /var/tmp" }, "/run"],
    ["elsewhere when a group may", { before: "chmod 0775 /tmp" }, "/var/tmp"],
    ...OF_ROOT,
  ])("%s", async (_, options, place) => {
    for (const shell of Object.keys(SHELLS) as (keyof typeof SHELLS)[]) {
      const outcome = await run({ ...options, shell });
      expect(outcome).toMatchObject({ exitCode: 0, words: ["enable", ...CA] });
      expect(outcome.left.filter((path) => path.includes("teleport-update"))).toEqual([]);
      expect(outcome.noted("folder")).toStartWith(`700 ${place}/teleport-update.`);
    }
  });

  test("nowhere when no folder will do, and each is named with its reason", async () => {
    const noexec = ["/tmp", "/opt"].map((place) => `mount -t tmpfs -o mode=1777,noexec tmpfs ${place}`);
    const small = "mount -t tmpfs -o mode=1777,size=1m tmpfs /var/tmp";
    const outcome = await run({ before: [...noexec, small, "chmod 0777 /run"].join("\n") });
    expect(outcome).toMatchObject({ exitCode: 1, words: undefined, left: [] });
    for (const reason of [
      "`/tmp`: programs in it cannot be run",
      "`/var/tmp`: 1024 KB are free",
      "`/run`: others may",
    ]) {
      expect(outcome.output).toContain(reason);
    }
  });
});

describe("interrupted", () => {
  /** As a terminal or a supervisor does it: the shell and all that it runs get the signal, once the program runs. */
  const struck = (signal: string, shell: keyof typeof SHELLS) =>
    run({
      shell,
      before: `mkfifo /mnt/started; { cat /mnt/started; kill -s ${signal} -- "-$(cat /mnt/group)"; } >/dev/null &`,
      under: ["setsid", "--wait", "sh", "-c", 'echo $$ >/mnt/group; exec "$@"', "sh"],
    });

  test.each([
    ["TERM", 143],
    ["INT", 130],
    ["HUP", 129],
    ["QUIT", 131],
    ["PIPE", 141],
  ] as const)(
    "by %s it leaves nothing",
    async (signal, exitCode) => {
      for (const shell of Object.keys(SHELLS) as (keyof typeof SHELLS)[]) {
        const outcome = await struck(signal, shell);
        expect(outcome).toMatchObject({ exitCode, words: ["enable", ...CA], left: [] });
      }
    },
    30_000,
  );

  test("as nobody reads what it says, it leaves nothing", async () => {
    for (const shell of Object.keys(SHELLS) as (keyof typeof SHELLS)[]) {
      // A pipe whose reader is gone before the script begins; a line is said once the folder is there.
      const unread = 'mkfifo /mnt/said; exec 4<>/mnt/said 5>/mnt/said 4<&-; exec "$@" 2>&5';
      const outcome = await run({ shell, under: ["sh", "-c", unread, "sh"] });
      expect(outcome).toMatchObject({ exitCode: 141, words: undefined, left: [] });
    }
  });
});
