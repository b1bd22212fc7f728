import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeSync, copyFileSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeAuthority } from "../support/certificates.ts";
import { executablePath, testingExecutablePath } from "../support/executable.ts";
import { must } from "../support/must.ts";
import { createNetworkNamespace, type NetworkNamespace } from "../support/network-namespace.ts";
import { advertise, type ProxyAndCdn, startProxyAndCdn } from "../support/proxy-and-cdn.ts";
import { programOf, readiness } from "./support/agent.ts";
import { type Cluster, startCluster } from "./support/cluster.ts";
import { eventually } from "./support/eventually.ts";
import { timerHeldBack } from "./support/timer-run.ts";
import { bootUpdaterHost, UPDATER, type UpdaterHost } from "./support/updater-host.ts";

const [OLD, NEW, LATER] = ["18.1.0", "18.2.0", "18.3.0"];
const KEY = "/etc/teleport-update/site.key.pub";
/** Inside the closed site. */
const GOOD = { at: "/srv/mirror", url: "https://127.0.0.1:8443/teleport" };
const BAD = { at: "/srv/damaged", url: "https://127.0.0.1:8444/teleport" };

describe("a site with no route out, which gets its releases in a bundle", () => {
  let network: NetworkNamespace;
  /** Outside: what the closed site cannot reach. */
  let cdn: Cluster;
  /** Inside: a proxy that has no releases. */
  let proxy: ProxyAndCdn;
  let host: UpdaterHost;
  /** The folder of who carries the bundle. */
  let desk: string;
  let digest: string;

  beforeAll(async () => {
    const authority = await makeAuthority();
    network = await createNetworkNamespace();
    desk = mkdtempSync(join(tmpdir(), "desk-"));
    cdn = await startCluster([{ version: OLD }, { version: NEW }, { version: LATER }], {
      certificates: await authority.issue(),
    });
    proxy = await startProxyAndCdn({
      hostname: network.testAddress,
      certificates: await authority.issue([network.testAddress]),
    });
    proxy.find = advertise(OLD);
    host = await bootUpdaterHost(authority.ca, {
      network,
      executable: await testingExecutablePath(),
      files: timerHeldBack(),
    });
    const server = await authority.issue();
    await host.writeFile("/etc/mirror.pem", server.cert);
    await host.writeFile("/etc/mirror.key", { content: server.key, mode: 0o600 });
    await Bun.write(at("ca.pem"), authority.ca);
  }, 300_000);
  afterAll(async () => {
    for (const part of [host, proxy, cdn, network]) await part?.[Symbol.asyncDispose]();
    if (desk !== undefined) rmSync(desk, { recursive: true });
  });

  const at = (name: string) => join(desk, name);
  const archive = (version: string) => cdn.made[version]?.fileName ?? "";
  const atDesk = async (...args: string[]) => must([await executablePath(), ...args]);
  const activeVersion = async () =>
    /active:\n +version: (\S+)/.exec(await host.readFile("/opt/teleport/default/update.yaml"))?.[1];

  async function serve({ at, url }: typeof GOOD): Promise<void> {
    const { port, pathname } = new URL(url);
    const tls = ["--tls-cert", "/etc/mirror.pem", "--tls-key", "/etc/mirror.key"];
    const words = ["mirror", "serve", "--at", at, "--listen", `127.0.0.1:${port}`, "--prefix", pathname, ...tls];
    await host.ask("systemd-run", "--collect", `--unit=mirror-${port}`, UPDATER, ...words);
    await eventually(`a mirror listens on ${port}`, async () => {
      const { exitCode } = await host.exec(["bash", "-c", `: </dev/tcp/127.0.0.1/${port}`]);
      return exitCode === 0;
    });
  }

  test("builds, signs and bundles where there is a network", async () => {
    await atDesk("mirror", "keygen", "--to", at("site.key"));
    const versions = [OLD, NEW, LATER].flatMap((version) => ["--version", version]);
    const sources = ["--from", cdn.baseUrl, "--ca-file", at("ca.pem"), "--sign", at("site.key")];
    await atDesk("mirror", "build", "--to", at("tree"), ...versions, ...sources);
    const made = await atDesk("mirror", "bundle", "--at", at("tree"), "--to", at("b.tar"), "--sign", at("site.key"));
    digest = made.split(" ")[0] ?? "";
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
  }, 300_000);

  test("reaches no CDN", async () => {
    const run = await host.updater(["mirror", "build", "--to", "/srv/none", "--version", OLD, "--from", cdn.baseUrl]);
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain("E_NETWORK");
  }, 300_000);

  test("imports the bundle by its signature and its digest, and `mirror verify` agrees", async () => {
    await host.writeFile(KEY, await Bun.file(at("site.key.pub")).text());
    for (const suffix of ["", ".sig"]) copyFileSync(at(`b.tar${suffix}`), join(host.directory, `root/b.tar${suffix}`));
    const from = ["mirror", "import", "--from", "/root/b.tar", "--trusted-key", KEY, "--digest", digest];
    for (const mirror of [GOOD, BAD]) {
      expect((await host.succeed([...from, "--to", mirror.at])).stdout).toBe(`${digest}  /root/b.tar\n`);
      await host.succeed(["mirror", "verify", "--at", mirror.at, "--trusted-key", KEY]);
      await serve(mirror);
    }
  }, 300_000);

  test("installs, updates and rolls back from it", async () => {
    const enable = ["enable", "--proxy", proxy.address, "--base-url", GOOD.url, "--trusted-key", KEY];
    await host.succeed(enable);
    await host.exec(["systemctl", "enable", "--now", "teleport.service"]);
    expect(await activeVersion()).toBe(OLD);
    proxy.find = advertise(NEW);
    await host.succeed(["update", "--now"]);
    expect(await activeVersion()).toBe(NEW);
    expect((await host.succeed(["status"])).stdout).toContain("\nproof: signature\n");
    proxy.find = advertise(OLD);
    await host.succeed(["update", "--now"]);
    expect(await activeVersion()).toBe(OLD);
    expect(await programOf(host, (await readiness(host)).pid)).toContain(`/versions/${OLD}/`);
  }, 300_000);

  test("refuses an archive with one flipped bit, which `mirror verify` names and an import mends", async () => {
    const damaged = archive(LATER);
    flipBit(join(host.directory, BAD.at, damaged));
    const verified = await host.updater(["mirror", "verify", "--at", BAD.at]);
    expect(verified).toMatchObject({ exitCode: 1, stdout: expect.stringContaining(`\`${damaged}\` was changed`) });

    const pin = ["pin", "--force-version", LATER, "--base-url", BAD.url];
    expect(await host.updater(pin)).toMatchObject({ exitCode: 1, code: "E_CHECKSUM" });
    expect(await activeVersion()).toBe(OLD);

    await host.succeed(["mirror", "import", "--from", "/root/b.tar", "--to", BAD.at]);
    await host.succeed(["mirror", "verify", "--at", BAD.at]);
    await host.succeed(pin);
    expect(await activeVersion()).toBe(LATER);
  }, 300_000);
});

/** Changes one bit of a file, as a disk may. */
function flipBit(path: string): void {
  const descriptor = openSync(path, "r+");
  try {
    const byte = Buffer.alloc(1);
    readSync(descriptor, byte, 0, 1, 1000);
    writeSync(descriptor, Buffer.of((byte[0] ?? 0) ^ 1), 0, 1, 1000);
  } finally {
    closeSync(descriptor);
  }
}
