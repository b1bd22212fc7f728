import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { type BootedHost, bootHost } from "../support/booted-host.ts";
import { type Authority, makeAuthority } from "../support/certificates.ts";
import { HOST_ARCHITECTURE } from "../support/elf-patch.ts";
import { executablePath } from "../support/executable.ts";
import { advertise, type ProxyAndCdn, startProxyAndCdn } from "../support/proxy-and-cdn.ts";
import { makeRelease } from "../support/release-maker.ts";
import { makeUpdaterRelease } from "../support/updater-release.ts";
import { programOf, readiness } from "./support/agent.ts";

const VERSION = "18.1.0";
const { version: UPDATER_VERSION } = packageJson;

let authority: Authority;
let server: ProxyAndCdn;
let published: string;
beforeAll(async () => {
  authority = await makeAuthority();
  published = mkdtempSync(join(tmpdir(), "published-"));
  server = await startProxyAndCdn({ certificates: await authority.issue(), releases: published });
  server.find = advertise(VERSION);
  await makeRelease({ directory: published, version: VERSION });
  await makeUpdaterRelease(published, {
    version: UPDATER_VERSION,
    program: { path: await executablePath() },
    place: server.baseUrl,
    kinds: [`linux-${HOST_ARCHITECTURE}`],
  });
}, 300_000);
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  if (published !== undefined) rmSync(published, { recursive: true });
});

describe.each([
  ["bookworm", "curl", "curl --proto =https --tlsv1.2 -fsSL"],
  ["bullseye", "wget", "wget -qO-"],
] as const)("a fresh %s with nothing but %s", (suite, fetcher, fetch) => {
  let host: BootedHost;
  beforeAll(async () => {
    const files = { "/usr/local/share/ca-certificates/test.crt": authority.ca };
    host = await bootHost({ suite, packages: [fetcher], files });
    expect((await host.exec(["update-ca-certificates"])).exitCode).toBe(0);
  }, 300_000);
  afterAll(() => host?.[Symbol.asyncDispose]());

  const install = (...words: string[]) =>
    host.exec(["sh", "-c", `${fetch} ${server.baseUrl}/install.sh | sh -s -- "$@"`, "sh", ...words]);
  const temporary = async () =>
    (await host.exec(["find", "/tmp", "/var/tmp", "/run", "/opt", "-name", "teleport-update.*", "-type", "d"])).stdout;

  test("is enrolled by one line, which leaves nothing in the folders for temporary files", async () => {
    const enrolled = await install("--proxy", server.address, "--base-url", server.baseUrl);
    expect(enrolled).toMatchObject({ exitCode: 0, stderr: expect.stringContaining("install.sh: fetching https://") });
    expect(await temporary()).toBe("");
    const { stdout } = await host.exec(["teleport-update", "version"]);
    expect(stdout).toStartWith(`Teleport v${UPDATER_VERSION} `);
    const status = await host.exec(["teleport-update", "status"]);
    expect(status.stdout).toContain(`active:\n    version: ${VERSION}\n`);
  }, 120_000);

  test("runs the agent, and the timer that keeps it", async () => {
    expect((await host.exec(["systemctl", "enable", "--now", "teleport.service"])).exitCode).toBe(0);
    const { status, pid } = await readiness(host);
    expect(status).toBe("ok");
    expect(await programOf(host, pid)).toContain(`/versions/${VERSION}/bin/teleport`);
    expect((await host.exec(["systemctl", "is-active", "teleport-update.timer"])).stdout).toBe("active\n");
    expect((await host.exec(["teleport-update", "update"])).exitCode).toBe(0);
  }, 120_000);

  test("is told what `enable` refuses, with its exit code", async () => {
    const refused = await install("--proxy", "another.example.com", "--no-such-flag");
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain("no-such-flag");
    expect(await temporary()).toBe("");
  }, 120_000);
});
