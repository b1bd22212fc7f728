import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { upstreamInstaller } from "../interop/upstream-installer.ts";
import { testingExecutablePath } from "../support/executable.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { layUpstreamHost, UPSTREAM_HOSTS, upstreamText, upstreamTexts } from "../support/upstream-host.ts";
import { programOf, readiness } from "./support/agent.ts";
import { type Cluster, startCluster } from "./support/cluster.ts";
import { bootUpdaterHost, type UpdaterHost } from "./support/updater-host.ts";

const ACTIVE = "18.1.0";
/** Releases that the host may move to. */
const [NEXT, OURS, FAILING] = ["18.2.0", "18.3.0", "18.4.0"] as const;
const NAMESPACE = "/opt/teleport/default";
const CONFIG = `${NAMESPACE}/update.yaml`;
const UNITS = upstreamTexts(UPSTREAM_HOSTS.default).filter((path) => path.includes("/systemd/system/"));
const OUR_HEADER = "# Written again at every update";
const STAND_IN_HEADER = "# Stand-in updater";

describe("a host that upstream enrolled, with agent and bot running", () => {
  let cluster: Cluster;
  let executable: string;
  beforeAll(async () => {
    executable = await testingExecutablePath();
    cluster = await startCluster([
      { version: ACTIVE },
      { version: NEXT },
      // A release of ours: its own updater is this program.
      { version: OURS, updater: executable },
      { version: FAILING, updater: "failing" },
    ]);
  }, 300_000);
  afterAll(() => cluster?.[Symbol.asyncDispose]());

  /** `others` lie on disk too, as when upstream's updater has just unpacked them. */
  async function bootUpstreamHost(others: readonly string[] = []): Promise<UpdaterHost> {
    const archives = Object.fromEntries(Object.entries(cluster.made).map(([name, { archive }]) => [name, archive]));
    const host = await bootUpdaterHost(cluster.ca, {
      executable,
      beforeBoot: (directory) =>
        layUpstreamHost(directory, { ...UPSTREAM_HOSTS.default, others }, { proxy: cluster.address, archives }),
    });
    cluster.find = advertise(ACTIVE);
    await host.exec(["systemctl", "enable", "--now", "teleport.service", "tbot.service"]);
    return host;
  }

  const enable = () => ["enable", "--base-url", cluster.baseUrl];
  const typedConfig = () => upstreamText(UPSTREAM_HOSTS.default, CONFIG).replace("PROXY", cluster.address);
  const upstreamOn = (host: UpdaterHost) =>
    upstreamInstaller(host.directory, { namespace: NAMESPACE, linkDirectory: "/usr/local/bin", units: {} });
  const updaterLink = (host: UpdaterHost) => host.ask("readlink", "/usr/local/bin/teleport-update");

  /** The processes of both services, and the versions that they run. */
  async function services(host: UpdaterHost) {
    const agent = await readiness(host);
    const bot = await readiness(host, "/var/lib/teleport/bot/debug.sock");
    return {
      pids: [agent.pid, bot.pid],
      programs: [await programOf(host, agent.pid), await programOf(host, bot.pid)],
    };
  }
  const programsOf = (version: string) =>
    ["teleport", "tbot"].map((name) => `${NAMESPACE}/versions/${version}/bin/${name}`);

  async function expectUnits(host: UpdaterHost, version: string, header: string): Promise<void> {
    for (const unit of UNITS) expect(await host.readFile(unit)).toStartWith(`# teleport-update ${version}\n${header}`);
    expect(await host.ask("systemctl", "is-enabled", "teleport-update.timer", "teleport.service")).toBe(
      "enabled\nenabled",
    );
    expect(await host.ask("systemctl", "is-active", "teleport-update.timer", "teleport.service")).toBe(
      "active\nactive",
    );
    const stale = ["show", "--value", "-p", "NeedDaemonReload"];
    expect(await host.ask("systemctl", ...stale, "teleport.service", "teleport-update.timer")).toBe("no\n\nno");
  }

  test("`enable` takes it over: our updater, our units, and services that noticed nothing", async () => {
    await using host = await bootUpstreamHost();
    const before = await services(host);
    expect(before.programs).toEqual(programsOf(ACTIVE));
    await host.succeed([...enable(), "--self-setup"]);
    await expectUnits(host, ACTIVE, OUR_HEADER);
    expect(await updaterLink(host)).toStartWith(`${NAMESPACE}/updater/`);
    expect(await services(host)).toEqual(before);
    expect(await host.readFile(CONFIG)).toBe(
      typedConfig().replace("    enabled:", `    base_url: ${cluster.baseUrl}\n    enabled:`),
    );

    // The timer's own unit runs ours from now on.
    expect((await host.exec(["systemctl", "start", "teleport-update.service"])).exitCode).toBe(0);
    expect(await services(host)).toEqual(before);
  });

  test("ours as the setup child of upstream's updater, with its words, its variables and its lock", async () => {
    await using host = await bootUpstreamHost([OURS]);
    const before = await services(host);
    upstreamOn(host).link(OURS);
    const { exitCode, stdout, stderr } = await host.exec(
      [
        ...["flock", "--exclusive", "--nonblock", `${NAMESPACE}/update.lock`],
        ...["/usr/local/bin/teleport-update", "--install-dir", "/opt/teleport", "--install-suffix", ""],
        ...["--log-format", "json", "setup", "--path", "/usr/local/bin", "--reload"],
      ],
      {
        env: {
          TELEPORT_UPDATE_SETUP_VERSION: OURS,
          TELEPORT_UPDATE_SETUP_FLAGS: "",
          TELEPORT_UPDATE_SELINUX_SSH: "false",
          TELEPORT_UPDATE_SELINUX_SSH_ENFORCING: "false",
          TELEPORT_UPDATE_SETUP_TBOT: "true",
        },
      },
    );
    expect({ exitCode, stdout, stderr: exitCode === 0 ? "" : stderr }).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    await expectUnits(host, OURS, OUR_HEADER);
    const after = await services(host);
    expect(after.programs).toEqual(programsOf(OURS));
    for (const pid of after.pids) expect(before.pids).not.toContain(pid);

    // All else is the parent's affair.
    expect(await host.readFile(CONFIG)).toBe(typedConfig());
    expect(await updaterLink(host)).toBe(`${NAMESPACE}/versions/${OURS}/bin/teleport-update`);
    expect((await host.exec(["test", "-e", `${NAMESPACE}/updater`])).exitCode).toBe(1);
  });

  test("goes to ours and, with `--hand-over`, back to upstream at a new version", async () => {
    await using host = await bootUpstreamHost();
    await host.succeed(enable());
    expect(await updaterLink(host)).toStartWith(`${NAMESPACE}/updater/`);

    cluster.find = advertise(NEXT);
    await host.succeed(["enable", "--hand-over"]);
    await expectUnits(host, NEXT, STAND_IN_HEADER);
    expect((await services(host)).programs).toEqual(programsOf(NEXT));
    expect(await updaterLink(host)).toBe(`${NAMESPACE}/versions/${NEXT}/bin/teleport-update`);
    // Nothing is left for upstream to do: linking changes nothing.
    const handedOver = host.footprint();
    upstreamOn(host).link(NEXT);
    expect(host.footprint()).toEqual(handedOver);
    expect(upstreamOn(host).list()).toEqual([ACTIVE, NEXT]);

    await host.succeed(enable());
    expect(await updaterLink(host)).toStartWith(`${NAMESPACE}/updater/`);
    expect((await services(host)).programs).toEqual(programsOf(NEXT));
  });

  test("a release whose updater fails half-way in setup leaves everything as upstream made it", async () => {
    await using host = await bootUpstreamHost();
    const [before, running] = [host.footprint(), await services(host)];
    cluster.find = advertise(FAILING);
    expect(await host.updater(enable())).toMatchObject({ exitCode: 1, code: "E_BROKEN_RELEASE" });
    // Whoever takes the lock closes it to others.
    expect(host.footprint()).toEqual(before.map((line) => line.replace("/update.lock 644", "/update.lock 600")));
    await expectUnits(host, ACTIVE, "# Do not edit");
    expect(await services(host)).toEqual(running);
  });
});
