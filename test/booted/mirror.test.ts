import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeAuthority } from "../support/certificates.ts";
import { HOST_ARCHITECTURE } from "../support/elf-patch.ts";
import { executablePath, testingExecutablePath } from "../support/executable.ts";
import { must } from "../support/must.ts";
import { createNetworkNamespace, type NetworkNamespace } from "../support/network-namespace.ts";
import { advertise, type ProxyAndCdn, startProxyAndCdn } from "../support/proxy-and-cdn.ts";
import { makeUpdaterRelease } from "../support/updater-release.ts";
import { programOf, readiness } from "./support/agent.ts";
import { type Cluster, startCluster } from "./support/cluster.ts";
import { eventually } from "./support/eventually.ts";
import { timerHeldBack } from "./support/timer-run.ts";
import { bootUpdaterHost, UPDATER, type UpdaterHost } from "./support/updater-host.ts";

const [OLD, NEW, LATER] = ["18.1.0", "18.2.0", "18.3.0"];
const TARBALL = `teleport-update-v0.1.0-linux-${HOST_ARCHITECTURE}-bin.tar.gz`;
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
      packages: ["curl"],
      executable: await testingExecutablePath(),
      files: timerHeldBack(),
    });
    const server = await authority.issue();
    await host.writeFile("/etc/mirror.pem", server.cert);
    await host.writeFile("/etc/mirror.key", { content: server.key, mode: 0o600 });
    await Bun.write(at("ca.pem"), authority.ca);
    mkdirSync(at("release"));
    await makeUpdaterRelease(at("release"), {
      version: "0.1.0",
      program: { path: await testingExecutablePath() },
      kinds: [`linux-${HOST_ARCHITECTURE}`],
    });
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

  /** The words of a build of everything, at the desk. */
  const buildAll = () => [
    ...["mirror", "build", "--to", at("tree"), "--jobs", "1", "--installer", at("release")],
    ...[OLD, NEW, LATER].flatMap((version) => ["--version", version]),
    ...["--from", cdn.baseUrl, "--ca-file", at("ca.pem"), "--sign", at("site.key")],
  ];
  /** From nothing but a shell and curl. */
  const install = (mirror: typeof GOOD, ...words: string[]) =>
    host.exec(["sh", "-c", `curl -fsSL ${mirror.url}/install.sh | sh -s -- "$@"`, "sh", ...words]);

  test("is cut in the middle of a build, where there is a network, and the next one ends it", async () => {
    await atDesk("mirror", "keygen", "--to", at("site.key"));
    const child = Bun.spawn([await executablePath(), ...buildAll()], { stderr: "pipe", stdout: "ignore" });
    for await (const said of child.stderr.pipeThrough(new TextDecoderStream())) {
      if (said.includes("The file is in the mirror.")) child.kill("SIGKILL");
    }
    await child.exited;
    expect(child.signalCode).toBe("SIGKILL");
    // The last that comes.
    expect(existsSync(join(at("tree"), "install.sh"))).toBe(false);
    expect(await atDesk(...buildAll())).toMatch(/^\d files fetched .*, [12] there already\n$/);
    await atDesk("mirror", "verify", "--at", at("tree"), "--trusted-key", at("site.key.pub"));
  }, 300_000);

  test("is bundled", async () => {
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

  test("installs from it by one line, updates and rolls back", async () => {
    const enrolled = await install(GOOD, "--proxy", proxy.address, "--base-url", GOOD.url, "--trusted-key", KEY);
    expect(enrolled).toMatchObject({ exitCode: 0, stderr: expect.stringContaining(`fetching ${GOOD.url}/${TARBALL}`) });
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

  test("refuses an archive with one flipped bit, which `mirror verify` names, and takes it from the next mirror", async () => {
    const damaged = archive(LATER);
    flipBit(join(host.directory, BAD.at, damaged));
    const verified = await host.updater(["mirror", "verify", "--at", BAD.at]);
    expect(verified).toMatchObject({ exitCode: 1, stdout: expect.stringContaining(`\`${damaged}\` was changed`) });

    const pin = ["pin", "--force-version", LATER, "--base-url", BAD.url];
    expect(await host.updater(pin)).toMatchObject({ exitCode: 1, code: "E_CHECKSUM" });
    expect(await activeVersion()).toBe(OLD);
    await host.succeed([...pin, "--base-url", GOOD.url]);
    expect(await activeVersion()).toBe(LATER);
  }, 300_000);

  test("refuses an updater with one flipped bit alike, and an import mends both", async () => {
    flipBit(join(host.directory, BAD.at, TARBALL));
    const verified = await host.updater(["mirror", "verify", "--at", BAD.at]);
    expect(verified).toMatchObject({ exitCode: 1, stdout: expect.stringContaining(`\`${TARBALL}\` was changed`) });

    const refused = await install(BAD, "--base-url", BAD.url);
    expect(refused).toMatchObject({ exitCode: 1, stdout: "" });
    expect(refused.stderr).toContain("nothing was run and nothing was changed");
    const taken = await install(BAD, "--base-url", BAD.url, "--base-url", GOOD.url);
    expect(taken).toMatchObject({ exitCode: 0, stderr: expect.stringContaining(`${BAD.url}/${TARBALL} is refused`) });

    await host.succeed(["mirror", "import", "--from", "/root/b.tar", "--to", BAD.at]);
    await host.succeed(["mirror", "verify", "--at", BAD.at]);
    expect((await install(BAD, "--base-url", BAD.url)).exitCode).toBe(0);
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
