import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { makeAuthority } from "../../support/certificates.ts";
import { startConnectProxy } from "../../support/connect-proxy.ts";
import { type InstallOptions, NOTING_PROGRAM, runInstallScript } from "../../support/install-run.ts";
import { startTarballServer, type TarballServer } from "../../support/tarball-server.ts";

const CA = ["--ca-file", "/mnt/ca.pem"];
const WITHOUT_CURL = { "/usr/bin/curl": "" };

/** It has a name that only a proxy knows. */
let server: TarballServer;
beforeAll(async () => {
  const kinds = ["linux-amd64", "linux-arm64"];
  server = await startTarballServer({ version: "0.2.0", kinds, program: { script: NOTING_PROGRAM } }, "mirror.test");
}, 60_000);
afterAll(() => server[Symbol.asyncDispose]());

const route = () => new URL(server.url.replace("mirror.test", "127.0.0.1")).host;
const run = (words: readonly string[], options: InstallOptions) =>
  runInstallScript(server.release.script, words, { files: { "ca.pem": server.ca }, ...options });

describe("wget", () => {
  test("goes through the proxy, unless every host is spared", async () => {
    await using proxy = await startConnectProxy({ route });
    const env = { https_proxy: `http://${proxy.address}` };
    const options = { cover: WITHOUT_CURL };
    expect(await run(CA, { ...options, env })).toMatchObject({ exitCode: 0 });
    expect(proxy.requests).toHaveLength(1);
    for (const spared of ["*", "other.test,*"]) {
      expect(await run(CA, { ...options, env: { ...env, no_proxy: spared } })).toMatchObject({ exitCode: 1 });
    }
    expect(proxy.requests).toHaveLength(1);
  });

  test.each<[string, Pick<InstallOptions, "cover" | "env">]>([
    ["that of the host", { cover: { ...WITHOUT_CURL, "/etc/wgetrc": "check_certificate = off\n" } }],
    ["that of root", { env: { HOME: "/mnt" } }],
    ["one that a variable names", { env: { WGETRC: "/mnt/.wgetrc" } }],
  ])("obeys no wgetrc: %s", async (_, { cover = WITHOUT_CURL, env = {} }) => {
    await using proxy = await startConnectProxy({ route });
    const files = { ".wgetrc": "check_certificate = off\n" };
    const outcome = await run([], { cover, files, env: { ...env, https_proxy: `http://${proxy.address}` } });
    expect(outcome).toMatchObject({ exitCode: 1, words: undefined });
    expect(outcome.output).toContain("certificate");
  });
});

describe("a proxy that speaks TLS", () => {
  const site = makeAuthority("Authority of the proxy");

  test("is believed by the authorities that are given", async () => {
    const certificate = await (await site).issue();
    await using proxy = await startConnectProxy({ route, certificate });
    const env = { https_proxy: `https://${proxy.address}` };
    const files = { "ca.pem": `${server.ca}${certificate.ca}`, "other.pem": server.ca };
    expect(await run(CA, { env, files })).toMatchObject({ exitCode: 0 });
    expect(await run(["--ca-file", "/mnt/other.pem"], { env, files })).toMatchObject({ exitCode: 1 });
    expect(proxy.requests).toHaveLength(1);
  });

  test("is not asked for its certificate with `--insecure`", async () => {
    await using proxy = await startConnectProxy({ route, certificate: await (await site).issue() });
    expect(await run(["--insecure"], { env: { https_proxy: `HTTPS://${proxy.address}` } })).toMatchObject({
      exitCode: 0,
    });
  });
});
