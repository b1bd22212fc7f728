import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
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

const run = (...words: string[]) =>
  runInstallScript(server.release.script, [...CA, ...words], { files: { "ca.pem": server.ca } });
const placesAsked = () => server.takeRequests().map((path) => path.split("/")[1]);

test.each([503, 429, 500])(
  "a mirror that answers %d is asked again, and the next one then, however long it tells to wait",
  async (status) => {
    server.answer = (path) => (path.startsWith("/busy/") ? { status, retryAfter: "3600" } : undefined);
    expect(await run("--base-url", `${server.url}/busy`)).toMatchObject({ exitCode: 0, left: [] });
    expect(placesAsked()).toEqual(["busy", "busy", "busy", "default"]);
  },
  30_000,
);

test.each([404, 403, 501])("one that answers %d is asked once", async (status) => {
  server.answer = (path) => (path.startsWith("/none/") ? { status } : undefined);
  expect(await run("--base-url", `${server.url}/none`)).toMatchObject({ exitCode: 0 });
  expect(placesAsked()).toEqual(["none", "default"]);
});
