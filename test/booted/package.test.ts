import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { testingExecutablePath } from "../support/executable.ts";
import { STOCK_UNIT } from "../support/release-texts.ts";
import { makeDeb, PACKAGE_BIN, PACKAGE_PROGRAMS, type PackageOptions } from "../support/teleport-package.ts";
import { programOf, readiness } from "./support/agent.ts";
import { type Cluster, enableFrom, startCluster } from "./support/cluster.ts";
import { bootUpdaterHost, messages, type Outcome, outcomeOf, type UpdaterHost } from "./support/updater-host.ts";
import { expectWhole } from "./support/whole.ts";

const MANAGED = "18.0.0";
const NAMESPACE = "/opt/teleport/default";
const UNIT = "/lib/systemd/system/teleport.service";
const V1 = "/usr/lib/systemd/system/teleport-upgrade";

let cluster: Cluster;
let executable: string;
let debs: string;
beforeAll(async () => {
  debs = mkdtempSync(join(tmpdir(), "debs-"));
  cluster = await startCluster([{ version: MANAGED }]);
  executable = await testingExecutablePath();
}, 300_000);
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
  rmSync(debs, { recursive: true });
});

/** Runs a linked program of the host, as an operator does. */
async function run(host: UpdaterHost, args: readonly string[]): Promise<Outcome> {
  return outcomeOf(await host.exec(["teleport-update", "--log-format=json", ...args]));
}

async function links(host: UpdaterHost): Promise<Record<string, string>> {
  const lines = (await host.ask("find", "/usr/local/bin", "-type", "l", "-printf", "%f %l\n")).split("\n");
  return Object.fromEntries(lines.filter((line) => line !== "").map((line) => line.split(" ")));
}

const LINKED = Object.fromEntries(PACKAGE_PROGRAMS.map((name) => [name, `${PACKAGE_BIN}/${name}`]));

/** Which start of the unit this is: the same as before means that it ran all the time. */
const invocation = (host: UpdaterHost) => host.ask("systemctl", "show", "--value", "-p", "InvocationID", "teleport");

async function agent(host: UpdaterHost): Promise<{ pid: number; program: string }> {
  const { pid } = await readiness(host);
  return { pid, program: await programOf(host, pid) };
}

describe("Teleport as a package", () => {
  let host: UpdaterHost;
  beforeAll(async () => {
    host = await bootUpdaterHost(cluster.ca, { executable });
  }, 300_000);
  afterAll(() => host?.[Symbol.asyncDispose]());

  /** Installs or upgrades with the scripts of the package; fails when dpkg does, and answers all that was said. */
  async function install(options: PackageOptions): Promise<string> {
    const deb = await makeDeb(debs, { updater: executable, ...options });
    copyFileSync(deb, join(host.directory, "srv", basename(deb)));
    const { exitCode, stdout, stderr } = await host.exec(["dpkg", "--force-unsafe-io", "-i", `/srv/${basename(deb)}`]);
    if (exitCode !== 0) throw new Error(`dpkg ended with exit code ${exitCode}:\n${stdout}${stderr}`);
    rmSync(join(host.directory, "srv", basename(deb)));
    return stdout + stderr;
  }

  test("while an updater works its script steps aside, without failing the installation", async () => {
    await host.exec(["mkdir", "-p", NAMESPACE]);
    const holder = ["flock", `${NAMESPACE}/update.lock`, "sh", "-c", "systemd-notify --ready; exec sleep infinity"];
    await host.exec(["systemd-run", "--unit=holder", "--service-type=notify", "-p", "NotifyAccess=all", ...holder]);
    const said = await install({ version: "17.0.0" });
    expect(said).toContain("The updater is running, skipping.");
    expect(await links(host)).toEqual({});
    expect((await host.exec(["test", "-e", UNIT])).exitCode).toBe(1);
    await host.exec(["systemctl", "stop", "holder"]);
  }, 180_000);

  test("is linked by its script when it is installed, and its agent can be started", async () => {
    await install({ version: "17.0.0" });
    expect(await links(host)).toEqual(LINKED);
    expect(await host.readFile(UNIT)).toBe(STOCK_UNIT);
    expect((await host.exec(["systemctl", "enable", "--now", "teleport"])).exitCode).toBe(0);
    expect((await agent(host)).program).toBe(`${PACKAGE_BIN}/teleport`);
  }, 180_000);

  test("is linked again when it is upgraded, under the running agent", async () => {
    const [start, before] = [await invocation(host), await agent(host)];
    await install({ version: "17.1.0" });
    expect(await links(host)).toEqual(LINKED);
    expect(await host.ask("teleport", "version")).toStartWith("Teleport v17.1.0 ");
    expect((await agent(host)).pid).toBe(before.pid);
    await host.exec(["systemctl", "reload", "teleport"]);
    expect(await invocation(host)).toBe(start);
  }, 180_000);

  test("hands its place to the cluster's version at `enable`, started from the package itself", async () => {
    const start = await invocation(host);
    const { exitCode, stderr } = await run(host, enableFrom(cluster));
    expect({ exitCode, stderr: exitCode === 0 ? "" : stderr }).toEqual({ exitCode: 0, stderr: "" });
    await expectWhole(host, cluster, { revision: MANAGED });
    expect(await invocation(host)).toBe(start);
  }, 180_000);

  test("[core 7.5 enabled or pinned]: is not linked when it is upgraded while updates are on", async () => {
    const before = await agent(host);
    await install({ version: "17.2.0" });
    await expectWhole(host, cluster, { revision: MANAGED });
    expect(await agent(host)).toEqual(before);
  }, 180_000);

  test("[core 7.5 already linked]: nor while they are off, but a managed version is linked", async () => {
    await run(host, ["disable"]);
    const said = await install({ version: "17.3.0", badAgent: "never-ready" });
    expect(said).toContain("another version than the package's is linked");
    await expectWhole(host, cluster, { revision: MANAGED });
  }, 180_000);

  test("[core 7.6 package, reload error]: one whose agent does not come up takes nothing over", async () => {
    const [start, before] = [await invocation(host), host.footprint()];
    const { exitCode, code } = await run(host, ["uninstall"]);
    expect({ exitCode, code }).toEqual({ exitCode: 1, code: "E_UNHEALTHY" });
    expect(host.footprint()).toEqual(before);
    await expectWhole(host, cluster, { revision: MANAGED });
    expect(await invocation(host)).toBe(start);
    expect(await host.ask("systemctl", "is-active", "teleport-update.timer")).toBe("active");
  }, 120_000);

  test("[core 7.6 package]: gets the running agent back at `uninstall`, and no trace of the updater is left", async () => {
    await install({ version: "17.4.0" });
    const [start, before] = [await invocation(host), await agent(host)];
    const outcome = await run(host, ["uninstall"]);
    expect({ exitCode: outcome.exitCode, errors: messages(outcome, "error") }).toEqual({ exitCode: 0, errors: [] });
    const after = await agent(host);
    expect(after.program).toBe(`${PACKAGE_BIN}/teleport`);
    expect(after.pid).not.toBe(before.pid);
    expect(await invocation(host)).toBe(start);
    expect(await host.ask("systemctl", "show", "--value", "-p", "NRestarts", "teleport")).toBe("0");
    expect(await links(host)).toEqual(LINKED);
    expect(await host.readFile(UNIT)).toBe(STOCK_UNIT);
    // The bot's unit stays for the bot of the package (updater-core §4.7, step 5).
    // Folders of drop-ins stay, as with the agent's: somebody else may put one there.
    const isTrace = (line: string) =>
      line.includes("teleport-update") && !/\/tbot\.service |\.service\.d\/ 755$/.test(line);
    const traces = host.footprint().filter(isTrace);
    expect(traces).toEqual([
      `/usr/local/bin/teleport-update -> ${PACKAGE_BIN}/teleport-update`,
      expect.stringContaining(`${PACKAGE_BIN}/teleport-update 755 `),
    ]);
    expect((await host.exec(["test", "-e", NAMESPACE])).exitCode).toBe(1);
    const timer = await host.exec(["systemctl", "is-active", "teleport-update.timer"]);
    expect(timer.stdout).toBe("inactive\n");
    expect(await host.ask("systemctl", "show", "--value", "-p", "Environment", "teleport")).toBe("");
    expect(await host.ask("systemctl", "list-units", "--failed", "--no-legend")).toBe("");
  }, 180_000);

  test("a second `uninstall` has nothing to do, and the host boots into the package's agent", async () => {
    expect((await run(host, ["uninstall"])).exitCode).toBe(0);
    await host.reboot();
    expect((await agent(host)).program).toBe(`${PACKAGE_BIN}/teleport`);
  }, 180_000);

  test("is unlinked when it is purged, while its agent runs on", async () => {
    const start = await invocation(host);
    expect((await host.exec(["dpkg", "--purge", "teleport"])).exitCode).toBe(0);
    expect(await links(host)).toEqual({});
    expect((await host.exec(["test", "-e", "/opt/teleport/system"])).exitCode).toBe(1);
    expect(await host.readFile(UNIT)).toBe(STOCK_UNIT);
    expect(await invocation(host)).toBe(start);
  }, 180_000);
});

describe("no package", () => {
  test("[core 7.6 default path, active, force] [core 7.6 default path, inactive, force]: everything goes but what runs", async () => {
    await using host = await bootUpdaterHost(cluster.ca, {
      executable,
      files: {
        [`${V1}.timer`]: "[Timer]\nOnActiveSec=1d\n[Install]\nWantedBy=multi-user.target\n",
        [`${V1}.service`]: "[Service]\nType=oneshot\nExecStart=/bin/true\n",
      },
    });
    await host.exec(["systemctl", "enable", "--now", "teleport-upgrade.timer"]);
    const untouched = host.footprint();
    await host.succeed(enableFrom(cluster));
    await host.exec(["systemctl", "enable", "--now", "teleport"]);
    expect((await host.exec(["systemctl", "is-active", "teleport-upgrade.timer"])).exitCode).toBe(3);

    const before = host.footprint();
    expect((await run(host, ["uninstall"])).code).toBe("E_NEEDS_FORCE");
    expect((await run(host, ["uninstall", "--force"])).code).toBe("E_STILL_RUNNING");
    expect(host.footprint()).toEqual(before);
    await expectWhole(host, cluster, { revision: MANAGED });

    await host.exec(["systemctl", "disable", "--now", "teleport"]);
    const outcome = await run(host, ["uninstall", "--force"]);
    expect({ exitCode: outcome.exitCode, errors: messages(outcome, "error") }).toEqual({ exitCode: 0, errors: [] });
    const left = host.footprint().filter((line) => !untouched.includes(line));
    // Folders of drop-ins and the like stay, as the contract has it.
    expect(left.filter((line) => !/\/ 755$/.test(line))).toEqual([]);
    expect(await host.ask("systemctl", "is-enabled", "teleport-upgrade.timer")).toBe("enabled");
    expect(await host.ask("systemctl", "is-active", "teleport-upgrade.timer")).toBe("active");
    expect(await host.ask("systemctl", "show", "--value", "-p", "LoadState", "teleport.service")).toBe("not-found");
  }, 300_000);
});
