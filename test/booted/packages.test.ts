import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Suite } from "../support/base-image.ts";
import { fipsExecutablePath, testingExecutablePath } from "../support/executable.ts";
import { makeOwnPackage } from "../support/own-package.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { readiness } from "./support/agent.ts";
import { type Cluster, enableFrom, startCluster } from "./support/cluster.ts";
import { eventually } from "./support/eventually.ts";
import { runTimer, timerHeldBack } from "./support/timer-run.ts";
import { bootUpdaterHost, type UpdaterHost } from "./support/updater-host.ts";
import { expectWhole } from "./support/whole.ts";

const OLD = "0.8.0";
const NEW = "0.9.0";
const PROGRAM = "/usr/lib/teleport-update/teleport-update";
const LINK = "/usr/local/bin/teleport-update";
const NAMESPACE = "/opt/teleport/default";

let cluster: Cluster;
let debs: string;
const made: Record<string, string> = {};
beforeAll(async () => {
  debs = mkdtempSync(join(tmpdir(), "own-debs-"));
  cluster = await startCluster([{ version: "18.1.0" }, { version: "18.2.0" }]);
  for (const version of [OLD, NEW]) {
    const executable = await testingExecutablePath(version);
    made[version] = await makeOwnPackage(debs, { format: "deb", version, executable });
  }
  made["other variant"] = await makeOwnPackage(debs, {
    format: "deb",
    version: NEW,
    executable: await fipsExecutablePath(),
    isFips: true,
  });
  // One that no host can start.
  made["broken"] = await makeOwnPackage(debs, { format: "deb", version: "0.9.9", executable: "/bin/false" });
}, 600_000);
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
  rmSync(debs, { recursive: true });
});

async function boot(suite: Suite): Promise<UpdaterHost> {
  cluster.find = advertise("18.1.0");
  return await bootUpdaterHost(cluster.ca, { suite, files: timerHeldBack() });
}

/** Fails when dpkg does, and answers what was said besides its own lines. */
async function dpkg(host: UpdaterHost, ...args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await host.exec(["dpkg", "--force-unsafe-io", ...args]);
  if (exitCode !== 0) throw new Error(`dpkg ended with exit code ${exitCode}:\n${stdout}${stderr}`);
  return stderr
    .split("\n")
    .filter((line) => line.startsWith("teleport-update:"))
    .join("\n");
}

async function install(host: UpdaterHost, version: string, ...options: readonly string[]): Promise<string> {
  const deb = made[version] ?? "";
  copyFileSync(deb, join(host.directory, "srv", basename(deb)));
  return await dpkg(host, ...options, "--install", `/srv/${basename(deb)}`);
}

/** Enrolls with the program of the package, as an operator does. */
async function enroll(host: UpdaterHost, ...flags: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await host.exec(["/usr/bin/teleport-update", ...enableFrom(cluster), ...flags]);
  expect({ exitCode, stderr: exitCode === 0 ? "" : stderr }).toEqual({ exitCode: 0, stderr: "" });
  await host.exec(["systemctl", "enable", "--now", "teleport"]);
}

const versionOf = async (host: UpdaterHost, program: string) =>
  /^Teleport v(\S+) /.exec(await host.ask(program, "version"))?.[1];

/** The same before and after: nobody restarted or reloaded the agent. */
const agent = async (host: UpdaterHost) => ({
  invocation: await host.ask("systemctl", "show", "--value", "-p", "InvocationID", "teleport"),
  pid: (await readiness(host)).pid,
});

/** The unit that replaces a copy later is done, with the copies that go. */
async function unitEnds(host: UpdaterHost): Promise<void> {
  const state = () => host.ask("systemctl", "show", "--value", "-p", "ActiveState", "teleport-update-package");
  await eventually("the unit ends", async () => (await state()) === "inactive");
}

/** Works as an updater does until the unit `holder` is stopped. */
async function holdLock(host: UpdaterHost): Promise<void> {
  const holder = ["flock", `${NAMESPACE}/update.lock`, "sh", "-c", "systemd-notify --ready; exec sleep infinity"];
  await host.exec(["systemd-run", "--unit=holder", "--service-type=notify", "-p", "NotifyAccess=all", ...holder]);
}

async function expectTimerWorks(host: UpdaterHost): Promise<void> {
  const { exitCode, result, log } = await runTimer(host);
  expect({ exitCode, result, log }).toEqual({ exitCode: 0, result: "success", log: expect.any(Array) });
  expect(await host.ask("systemctl", "is-active", "teleport-update.timer")).toBe("active");
}

describe.each<Suite>(["bullseye", "bookworm", "trixie"])("our own package on %s", (suite) => {
  let host: UpdaterHost;
  beforeAll(async () => {
    host = await boot(suite);
  }, 300_000);
  afterAll(() => host?.[Symbol.asyncDispose]());

  test("enrolls nobody, and a purge leaves no trace", async () => {
    const before = host.footprint();
    expect(await install(host, OLD)).toBe("");
    expect(host.footprint()).toEqual(before);
    expect(await versionOf(host, "teleport-update")).toBe(OLD);
    await dpkg(host, "--purge", "teleport-update");
    expect(host.footprint()).toEqual(before);
    for (const path of ["/usr/bin/teleport-update", "/usr/lib/teleport-update"]) {
      expect((await host.exec(["test", "-e", path])).exitCode).toBe(1);
    }
  }, 180_000);

  test("is what a host is enrolled with, and what its timer then runs", async () => {
    await install(host, OLD);
    await enroll(host);
    await expectWhole(host, cluster, { revision: "18.1.0" });
    expect(await versionOf(host, LINK)).toBe(OLD);
  }, 180_000);

  test.each([NEW, OLD])(
    "takes the timer along to %s, under an agent that runs on",
    async (version) => {
      const before = await agent(host);
      expect(await install(host, version)).toBe("");
      expect(await versionOf(host, LINK)).toBe(version);
      expect(await agent(host)).toEqual(before);
      await expectTimerWorks(host);
      await expectWhole(host, cluster, { revision: "18.1.0" });
      expect((await host.ask("ls", `${NAMESPACE}/updater`)).split("\n")).toHaveLength(1);
      expect(await agent(host)).toEqual(before);
    },
    180_000,
  );

  test("moves the agent at the next window, and keeps the version of the package", async () => {
    await install(host, NEW);
    cluster.find = advertise("18.2.0");
    await expectTimerWorks(host);
    await expectWhole(host, cluster, { revision: "18.2.0" });
    expect(await versionOf(host, LINK)).toBe(NEW);
    await install(host, NEW);
    await expectWhole(host, cluster, { revision: "18.2.0" });
  }, 180_000);

  test("leaves the copy of an updater at work, and replaces it once that is done", async () => {
    const before = await host.ask("readlink", LINK);
    await holdLock(host);
    expect(await install(host, OLD)).toContain("an updater is at work, its copy is replaced when it is done");
    expect(await host.ask("readlink", LINK)).toBe(before);
    await host.exec(["systemctl", "stop", "holder"]);
    await eventually("the copy is replaced", async () => (await versionOf(host, LINK)) === OLD);
    await unitEnds(host);
    await expectWhole(host, cluster, { revision: "18.2.0" });
  }, 180_000);

  test("is removed under a timer that works on, and what belongs to the installation stays after a purge", async () => {
    const before = { agent: await agent(host), footprint: host.footprint() };
    await dpkg(host, "--remove", "teleport-update");
    expect((await host.exec(["test", "-e", PROGRAM])).exitCode).toBe(1);
    await dpkg(host, "--purge", "teleport-update");
    expect(host.footprint()).toEqual(before.footprint);
    await expectTimerWorks(host);
    await expectWhole(host, cluster, { revision: "18.2.0" });
    expect(await agent(host)).toEqual(before.agent);
  }, 180_000);
});

describe("our own package on a host that was changed by hand", () => {
  let host: UpdaterHost;
  beforeAll(async () => {
    host = await boot("bookworm");
    await install(host, OLD);
    await enroll(host);
  }, 300_000);
  afterAll(() => host?.[Symbol.asyncDispose]());

  test("does not replace a copy by a program that does not start here", async () => {
    const before = host.footprint();
    expect(await install(host, "broken")).toContain("fails on this host");
    expect(host.footprint()).toEqual(before);
    await expectTimerWorks(host);
  }, 180_000);

  test("does not disturb what an interrupted update has to undo", async () => {
    await host.writeFile(`${NAMESPACE}/update.journal`, "");
    const before = host.footprint();
    expect(await install(host, NEW)).toContain("an updater is at work");
    expect(host.footprint()).toEqual(before);
    await host.exec(["systemctl", "stop", "teleport-update-package"]);
    await host.exec(["rm", `${NAMESPACE}/update.journal`]);
    await install(host, NEW);
    expect(await versionOf(host, LINK)).toBe(NEW);
  }, 180_000);

  test("moves a link that leads into it to a copy before it goes, and tells of units that name it", async () => {
    await host.exec(["ln", "-sfn", PROGRAM, LINK]);
    await host.writeFile("/etc/systemd/system/night.service", `[Service]\nExecStart=${PROGRAM} status\n`);
    expect(await dpkg(host, "--remove", "teleport-update")).toContain("/etc/systemd/system/night.service names");
    expect(await host.ask("readlink", LINK)).toMatch(/^\/opt\/teleport\/default\/updater\/given-[0-9a-f]{16}\//);
    await expectTimerWorks(host);
    await expectWhole(host, cluster, { revision: "18.1.0" });
  }, 180_000);

  test("makes way for its other variant, which the timer is not given, and comes back", async () => {
    await install(host, OLD);
    const before = await agent(host);
    await host.exec(["ln", "-sfn", PROGRAM, LINK]);
    // What the variant needs is not in this small host.
    const said = await install(host, "other variant", "--force-depends");
    expect(said.match(/run `apt install teleport-update`, or `dnf swap /g)).toHaveLength(1);
    expect(await host.ask("/usr/bin/teleport-update", "version")).toContain("\nFIPS variant: ");
    expect(await versionOf(host, LINK)).toBe(OLD);
    await expectTimerWorks(host);
    expect(await install(host, OLD)).not.toContain("variant");
    expect(await versionOf(host, LINK)).toBe(OLD);
    await expectTimerWorks(host);
    await expectWhole(host, cluster, { revision: "18.1.0" });
    expect(await host.ask("dpkg", "--status", "teleport-update-fips")).toMatch(/^Status: \w+ ok config-files$/m);
    expect(await agent(host)).toEqual(before);
  }, 180_000);

  test("does not take the FIPS variant from a host, unless it is told to", async () => {
    await install(host, "other variant", "--force-depends");
    await host.exec(["ln", "-sfn", PROGRAM, LINK]);
    const said = await install(host, OLD);
    expect(said).toContain(
      "run `apt install teleport-update-fips`, or `dnf swap teleport-update teleport-update-fips`",
    );
    expect(said).toContain(`or \`${PROGRAM} enable\` to change over`);
    expect(await host.ask(LINK, "version")).toContain("\nFIPS variant: ");
    expect((await host.exec([PROGRAM, "enable"])).exitCode).toBe(0);
    expect(await versionOf(host, LINK)).toBe(OLD);
    await expectTimerWorks(host);
    await expectWhole(host, cluster, { revision: "18.1.0" });
  }, 180_000);

  test.each([
    ["is uninstalled", `rm ${LINK} && mv ${NAMESPACE} /root/away`, `mv /root/away ${NAMESPACE}`],
    ["is handed over", `ln -sfn ${NAMESPACE}/versions/18.1.0/bin/teleport-update ${LINK}`, "true"],
  ])(
    "leaves alone what %s while it waits",
    async (_, change, undo) => {
      await install(host, OLD);
      const copy = await host.ask("readlink", LINK);
      await holdLock(host);
      await install(host, NEW);
      await eventually("the unit waits", async () => /-> FLOCK/.test(await host.ask("cat", "/proc/locks")));
      expect((await host.exec(["sh", "-c", change])).exitCode).toBe(0);
      const before = host.footprint();
      await host.exec(["systemctl", "stop", "holder"]);
      await unitEnds(host);
      expect(host.footprint()).toEqual(before);
      await host.exec(["sh", "-c", `${undo} && ln -sfn ${copy} ${LINK}`]);
    },
    180_000,
  );

  test("leaves a host to the updater of its release, and says which one comes first", async () => {
    await install(host, OLD);
    await enroll(host, "--hand-over");
    const before = host.footprint();
    expect(await install(host, NEW)).toContain("/usr/local/bin/teleport-update is another updater");
    expect(host.footprint()).toEqual(before);
    await dpkg(host, "--remove", "teleport-update");
    expect(host.footprint()).toEqual(before);
  }, 180_000);
});

test("an installation with the package's own folder of links keeps its timer", async () => {
  await using host = await boot("bookworm");
  await install(host, OLD);
  await enroll(host, "--path", "/usr/bin");
  const before = await agent(host);
  await install(host, NEW);
  expect(await versionOf(host, "/usr/bin/teleport-update")).toBe(NEW);
  await expectTimerWorks(host);
  const said = await install(host, "other variant", "--force-depends");
  expect(said).toContain("run `apt install teleport-update`, or `dnf swap teleport-update-fips teleport-update`");
  expect(await host.ask(PROGRAM, "version")).toContain("\nFIPS variant: ");
  await expectTimerWorks(host);
  expect(await install(host, NEW)).toBe("");
  await dpkg(host, "--remove", "teleport-update");
  expect(await host.ask("readlink", "/usr/bin/teleport-update")).toStartWith(`${NAMESPACE}/updater/`);
  await expectTimerWorks(host);
  expect(await agent(host)).toEqual(before);
}, 120_000);

test("a suffix of its own is kept in step as well", async () => {
  await using host = await boot("bookworm");
  await install(host, OLD);
  const words = [...enableFrom(cluster), "--install-suffix", "blue", "--install-dir", "/srv/teleport"];
  expect((await host.exec(["/usr/bin/teleport-update", ...words])).exitCode).toBe(0);
  await install(host, NEW);
  expect(await versionOf(host, "/srv/teleport/blue/bin/teleport-update")).toBe(NEW);
}, 120_000);
