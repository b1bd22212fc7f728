import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { testingExecutablePath } from "../support/executable.ts";
import { makeOwnPackage } from "../support/own-package.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { PACKAGE_BIN, PACKAGE_PROGRAMS } from "../support/teleport-package.ts";
import { makeTeleportRpm } from "../support/teleport-rpm.ts";
import { programOf, readiness } from "./support/agent.ts";
import { type Cluster, enableFrom, startCluster } from "./support/cluster.ts";
import { runTimer, timerHeldBack } from "./support/timer-run.ts";
import { bootUpdaterHost, type UpdaterHost } from "./support/updater-host.ts";
import { expectWhole } from "./support/whole.ts";

const OLD = "0.8.0";
const NEW = "0.9.0";
const LINK = "/usr/local/bin/teleport-update";

let cluster: Cluster;
let rpms: string;
const own: Record<string, string> = {};
const teleport: Record<string, string> = {};
beforeAll(async () => {
  rpms = mkdtempSync(join(tmpdir(), "rpms-"));
  cluster = await startCluster([{ version: "18.1.0" }, { version: "18.2.0" }]);
  for (const version of [OLD, NEW]) {
    const executable = await testingExecutablePath(version);
    own[version] = await makeOwnPackage(rpms, { format: "rpm", version, executable });
  }
  const updater = await testingExecutablePath();
  for (const version of ["17.0.0", "17.1.0"]) teleport[version] = await makeTeleportRpm(rpms, { updater, version });
}, 600_000);
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
  rmSync(rpms, { recursive: true });
});

/**
 * Debian's rpm, with a database of its own in which no other package is, so nothing that a package requires is known there. Its
 * scripts run as on a host of rpm's: under the host's systemd.
 */
async function rpm(host: UpdaterHost, ...args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await host.exec(["rpm", "--nodeps", "--force-debian", ...args]);
  // A script that fails is a warning of rpm's, after which it goes on.
  if (exitCode !== 0 || /scriptlet failed/.test(stderr)) {
    throw new Error(`rpm ended with exit code ${exitCode}:\n${stdout}${stderr}`);
  }
  return stderr;
}

async function install(host: UpdaterHost, file = ""): Promise<string> {
  copyFileSync(file, join(host.directory, "srv", basename(file)));
  return await rpm(host, "--upgrade", "--oldpackage", `/srv/${basename(file)}`);
}

async function boot(): Promise<UpdaterHost> {
  cluster.find = advertise("18.1.0");
  return await bootUpdaterHost(cluster.ca, { packages: ["rpm"], files: timerHeldBack() });
}

/** What the scripts and the updater need, from the host itself; `/bin` and the like are links into `/usr`. */
const BARE_ROOT = `
mkdir -p "$0/usr/local/bin" "$0/proc" "$0/tmp" "$0/var" "$0/dev"
cp -a /bin /lib* /sbin "$0"
cp -a /usr/bin /usr/sbin /usr/lib* "$0/usr"
cp -a /dev/null "$0/dev"
`;

const versionOf = async (host: UpdaterHost, program: string) =>
  /^Teleport v(\S+) /.exec(await host.ask(program, "version"))?.[1];

const agent = async (host: UpdaterHost) => ({
  invocation: await host.ask("systemctl", "show", "--value", "-p", "InvocationID", "teleport"),
  pid: (await readiness(host)).pid,
});

describe("our own rpm", () => {
  let host: UpdaterHost;
  beforeAll(async () => {
    host = await boot();
  }, 300_000);
  afterAll(() => host?.[Symbol.asyncDispose]());

  test("enrolls nobody, and leaves no trace when it is erased", async () => {
    const before = host.footprint();
    await install(host, own[OLD]);
    expect(await versionOf(host, "/usr/bin/teleport-update")).toBe(OLD);
    expect(await host.ask("rpm", "--verify", "--nodeps", "teleport-update")).toBe("");
    await rpm(host, "--erase", "teleport-update");
    expect(host.footprint()).toEqual(before);
    expect((await host.exec(["test", "-e", "/usr/lib/teleport-update"])).exitCode).toBe(1);
  }, 60_000);

  test("takes the timer along, up and down, under an agent that runs on", async () => {
    await install(host, own[OLD]);
    await host.exec(["/usr/bin/teleport-update", ...enableFrom(cluster)]);
    await host.exec(["systemctl", "enable", "--now", "teleport"]);
    const before = await agent(host);
    for (const version of [NEW, OLD]) {
      await install(host, own[version]);
      expect(await versionOf(host, LINK)).toBe(version);
      expect((await runTimer(host)).exitCode).toBe(0);
      await expectWhole(host, cluster, { revision: "18.1.0" });
    }
    expect(await agent(host)).toEqual(before);
  }, 120_000);

  test("is erased under a timer that works on", async () => {
    await host.exec(["ln", "-sfn", "/usr/bin/teleport-update", LINK]);
    const before = await agent(host);
    await rpm(host, "--erase", "teleport-update");
    cluster.find = advertise("18.1.0");
    expect((await runTimer(host)).exitCode).toBe(0);
    await expectWhole(host, cluster, { revision: "18.1.0" });
    expect(await agent(host)).toEqual(before);
    cluster.find = advertise("18.2.0");
    expect((await runTimer(host)).exitCode).toBe(0);
    await expectWhole(host, cluster, { revision: "18.2.0" });
  }, 120_000);
});

describe("an rpm of Teleport with our hooks", () => {
  let host: UpdaterHost;
  beforeAll(async () => {
    host = await boot();
  }, 300_000);
  afterAll(() => host?.[Symbol.asyncDispose]());

  async function links(): Promise<string[]> {
    const found = await host.ask("find", "/usr/local/bin", "-type", "l", "-printf", "%f %l\n");
    return found.split("\n").sort();
  }
  const LINKED = PACKAGE_PROGRAMS.map((name) => `${name} ${PACKAGE_BIN}/${name}`);

  test("install: its programs are linked, and its agent starts", async () => {
    await install(host, teleport["17.0.0"]);
    expect(await links()).toEqual(LINKED);
    expect((await host.exec(["systemctl", "enable", "--now", "teleport"])).exitCode).toBe(0);
    expect(await programOf(host, (await readiness(host)).pid)).toBe(`${PACKAGE_BIN}/teleport`);
  }, 60_000);

  test.each(["17.1.0", "17.0.0"])(
    "upgrade and downgrade to %s: linked, under the running agent",
    async (to) => {
      const before = await agent(host);
      await install(host, teleport[to]);
      expect(await links()).toEqual(LINKED);
      expect(await host.ask("teleport", "version")).toStartWith(`Teleport v${to} `);
      expect(await agent(host)).toEqual(before);
    },
    60_000,
  );

  test("erase: the links go", async () => {
    await rpm(host, "--erase", "teleport");
    expect(await links()).toEqual([""]);
    expect((await host.exec(["test", "-e", "/opt/teleport/system"])).exitCode).toBe(1);
  }, 60_000);

  test("in a root of its own, without a systemd that runs: installed, linked, upgraded, erased", async () => {
    const root = "/srv/root";
    expect((await host.exec(["sh", "-ec", BARE_ROOT, root])).exitCode).toBe(0);
    await host.exec(["mount", "-t", "proc", "proc", `${root}/proc`]);
    const inRoot = (file = "") => rpm(host, "--root", root, "--upgrade", "--oldpackage", `/srv/${basename(file)}`);
    for (const version of ["17.0.0", "17.1.0"]) {
      await inRoot(teleport[version]);
      const linked = await host.ask("readlink", `${root}/usr/local/bin/teleport`);
      expect(linked).toBe(`${PACKAGE_BIN}/teleport`);
    }
    copyFileSync(own[NEW] ?? "", join(host.directory, "srv", basename(own[NEW] ?? "")));
    expect(await inRoot(own[NEW])).toContain("/usr/local/bin/teleport-update is another updater");
    await rpm(host, "--root", root, "--erase", "teleport", "teleport-update");
    for (const path of ["usr/local/bin/teleport", "opt/teleport/system", "usr/bin/teleport-update"]) {
      expect((await host.exec(["test", "-e", `${root}/${path}`])).exitCode).toBe(1);
    }
    await host.exec(["umount", `${root}/proc`]);
  }, 120_000);
});
