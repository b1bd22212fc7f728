import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { type InstallOptions, NOTING_PROGRAM, runInstallScript, SHELLS } from "../../support/install-run.ts";
import { startTarballServer, type TarballServer } from "../../support/tarball-server.ts";

const TARBALL = `teleport-update-v0.2.0-linux-${process.arch === "x64" ? "amd64" : "arm64"}-bin.tar.gz`;
const CA = ["--ca-file", "/mnt/ca.pem"];

const hasLanguages = process.env["CI"] === "true" || existsSync("/usr/share/i18n/locales/en_US");
if (!hasLanguages) console.log("not tested: a shell in another language, which takes the package `locales`");

let server: TarballServer;
beforeAll(async () => {
  const kinds = ["linux-amd64", "linux-arm64"];
  server = await startTarballServer({ version: "0.2.0", kinds, program: { script: NOTING_PROGRAM } });
}, 60_000);
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => void server.takeRequests());

const run = (words: readonly string[], token: string, options: InstallOptions = {}) =>
  runInstallScript(server.release.script, [...CA, "--bearer-token-file", "/mnt/token", ...words], {
    files: { "ca.pem": server.ca, token },
    ...options,
  });

const ENGLISH: InstallOptions = {
  shell: "old bash",
  before: "localedef -i en_US -f UTF-8 /mnt/en_US.UTF-8",
  env: { LOCPATH: "/mnt", LC_ALL: "en_US.UTF-8" },
};

test.skipIf(!hasLanguages)("a token is one in every language, which the program gets as it was", async () => {
  const outcome = await run(["--base-url", `${server.url}/m`], "s3cret-Token~!\n", ENGLISH);
  expect(outcome).toMatchObject({ exitCode: 0 });
  expect(server.takeRequests()).toEqual([`/m/${TARBALL} Bearer s3cret-Token~!`]);
  expect(outcome.noted("env").split("\n")).toContain("LC_ALL=en_US.UTF-8");
});

test.skipIf(!hasLanguages)("no address has letters of another language", async () => {
  const outcome = await run(["--base-url", `${server.url}/é`], "token", ENGLISH);
  expect(outcome).toMatchObject({ exitCode: 1, words: undefined });
  expect(outcome.output).toContain("cannot be used");
});

test.each(Object.keys(SHELLS) as (keyof typeof SHELLS)[])(
  "%s takes no notice of what an editor leaves around a token",
  async (shell) => {
    expect(await run(["--base-url", `${server.url}/m`], " \ts3cret \r\n\r\n", { shell })).toMatchObject({
      exitCode: 0,
    });
    expect(server.takeRequests()).toEqual([`/m/${TARBALL} Bearer s3cret`]);
  },
);
