import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { ENROLL_FLAGS } from "../../../src/cli/enroll-flags.ts";
import { GLOBAL_FLAGS } from "../../../src/cli/flags.ts";
import { NOTING_PROGRAM, runInstallScript } from "../../support/install-run.ts";
import { startTarballServer, type TarballServer } from "../../support/tarball-server.ts";

const CA = ["--ca-file", "/mnt/ca.pem"];

let server: TarballServer;
beforeAll(async () => {
  const kinds = ["linux-amd64", "linux-arm64"];
  server = await startTarballServer({ version: "0.2.0", kinds, program: { script: NOTING_PROGRAM } });
}, 60_000);
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => void server.takeRequests());

test.each<[string, (url: string) => string[], string]>([
  ["behind a group of letters", (url) => ["-ob", url], "mirror"],
  ["right behind one", (url) => [`-odb${url}`], "mirror"],
  ["behind an equals sign", (url) => [`-ob=${url}`], "mirror"],
  ["with a scheme in capitals", (url) => ["-b", url.replace("https", "HTTPS")], "mirror"],
  ["that is the value of another letter", (url) => [`-gb${url}`], "default"],
  ["of another flag with one", (url) => ["-og", url], "default"],
])("an address %s is read as `enable` reads it", async (_, wordsFor, place) => {
  const words = [...wordsFor(`${server.url}/mirror`), ...CA];
  const outcome = await runInstallScript(server.release.script, words, { files: { "ca.pem": server.ca } });
  expect(outcome).toMatchObject({ exitCode: 0, words: ["enable", ...words] });
  expect(server.takeRequests().map((path) => path.split("/")[1])).toEqual([place]);
});

test("the script knows every letter of `enable` that has no value", async () => {
  const flags = Object.values({ ...GLOBAL_FLAGS, ...ENROLL_FLAGS });
  const letters = flags.flatMap((flag) => ("alias" in flag && flag.type === "boolean" ? flag.alias : []));
  expect(await Bun.file("scripts/install/install.sh").text()).toContain(` [${letters.sort().join("")}]?*) `);
});

test("a search path that is empty does not become the current folder", async () => {
  const empty = 'shell=$(command -v "$1"); shift; PATH= exec "$shell" "$@"';
  const { exitCode, noted } = await runInstallScript(server.release.script, CA, {
    files: { "ca.pem": server.ca },
    under: ["sh", "-c", empty, "sh"],
  });
  expect(exitCode).toBe(0);
  expect(noted("env").split("\n")).toContain("PATH=/usr/sbin:/usr/bin:/sbin:/bin");
});
