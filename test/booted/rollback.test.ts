import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { testingExecutablePath } from "../support/executable.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { writeStandIn } from "../support/stand-ins.ts";
import { programOf, readiness } from "./support/agent.ts";
import { type Cluster, enableFrom, startCluster } from "./support/cluster.ts";
import { runTimer, timerHeldBack } from "./support/timer-run.ts";
import { added, bootUpdaterHost, LOCKED_NAMESPACE, messages, type UpdaterHost } from "./support/updater-host.ts";
import { configOf, expectWhole, versionsOf } from "./support/whole.ts";

const GOOD = "18.1.0";
const BETTER = "18.9.0";
const CONFIG = "/opt/teleport/default/update.yaml";

/** A minute of watching takes six seconds here, so crashes have to be as quick. */
const QUICK = "[Service]\nEnvironment=STAND_IN_CRASH_AFTER_MS=300\nRestartSec=500ms\n";
const QUICK_CRASHES = {
  "/etc/systemd/system/teleport.service.d/quick.conf": QUICK,
  "/etc/systemd/system/tbot.service.d/quick.conf": QUICK,
};

const DEAF = "18.5.0";
const BAD_RELEASES = [
  { version: "18.2.0", bad: { agent: "exits-at-once" } },
  { version: "18.2.1", bad: { agent: "crash-loops" } },
  { version: "18.2.2", bad: { agent: "never-ready" } },
  { version: "18.3.0", bad: { bot: "exits-at-once" } },
  { version: "18.3.1", bad: { bot: "crash-loops" } },
  { version: "18.3.2", bad: { bot: "never-ready" } },
  { version: "18.4.0", updater: "failing" },
] as const;
const UNFIT_RELEASES = [
  { version: "18.6.0", bad: { agent: "wrong-architecture" } },
  { version: "18.6.1", bad: { bot: "needs-newer-glibc" } },
] as const;

let cluster: Cluster;
let executable: string;
beforeAll(async () => {
  executable = await testingExecutablePath();
  cluster = await startCluster([
    { version: GOOD },
    { version: BETTER },
    ...BAD_RELEASES,
    ...UNFIT_RELEASES,
    { version: DEAF, bad: { agent: "deaf-to-hup" } },
  ]);
}, 300_000);
afterAll(() => cluster?.[Symbol.asyncDispose]());

/** A host at `GOOD` with agent and bot running. */
async function servingHost(): Promise<UpdaterHost> {
  const host = await bootUpdaterHost(cluster.ca, { executable, files: { ...timerHeldBack(), ...QUICK_CRASHES } });
  await host.succeed([...enableFrom(cluster), "--force-version", GOOD]);
  await host.exec(["systemctl", "enable", "--now", "teleport.service", "tbot.service"]);
  await expectWhole(host, cluster, { revision: GOOD, running: ["teleport", "tbot"] });
  return host;
}

describe("a release that does not live", () => {
  let host: UpdaterHost;
  beforeAll(async () => {
    host = await servingHost();
  }, 300_000);
  afterAll(() => host?.[Symbol.asyncDispose]());

  const expectGood = () => expectWhole(host, cluster, { revision: GOOD, running: ["teleport", "tbot"] });

  test.each(BAD_RELEASES.map((release) => [describeRelease(release), release.version]))(
    "[core 7.4 setup fails]: %s: agent and bot are back at the old one, and the timer skips it",
    async (_, version) => {
      const before = host.footprint();
      cluster.find = advertise(version);
      const { exitCode, code } = await runTimer(host);
      expect({ exitCode, code }).toEqual({ exitCode: 1, code: "E_BROKEN_RELEASE" });
      await expectGood();
      expect(configOf(host).status).toMatchObject({
        skip: { version },
        last_update: { success: false, target: { version } },
      });
      expect(withoutConfig(host.footprint())).toEqual(withoutConfig(before));

      const recorded = await host.readFile(CONFIG);
      cluster.requests.length = 0;
      const next = await runTimer(host);
      expect({ exitCode: next.exitCode, log: next.log }).toEqual({
        exitCode: 0,
        log: [
          `INFO The target version was marked broken, skipping the update. target_version:${version} active_version:${GOOD} command:"teleport-update enable"`,
        ],
      });
      expect(cluster.requests.map(({ path }) => path)).toEqual(["/webapi/find"]);
      expect(await host.readFile(CONFIG)).toBe(recorded);
    },
  );

  test.each(UNFIT_RELEASES.map((release) => [describeRelease(release), release.version]))(
    "%s: is refused before any link, and no reason to skip it",
    async (_, version) => {
      const before = { pid: (await readiness(host)).pid, status: configOf(host).status };
      cluster.find = advertise(version);
      const { exitCode, code } = await runTimer(host);
      expect({ exitCode, code }).toEqual({ exitCode: 1, code: "E_PROGRAM" });
      await expectGood();
      const { status } = configOf(host);
      expect({ pid: (await readiness(host)).pid, skip: status.skip }).toEqual({
        pid: before.pid,
        skip: before.status.skip,
      });
      expect(status.last_update).toMatchObject({ success: false, target: { version } });
      expect(versionsOf(host)).toEqual([GOOD]);
    },
  );

  test("[core 7.7 override skip]: `enable` tries a skipped version again, and clears the mark once it lives", async () => {
    const skipped = configOf(host).status.skip?.version ?? "";
    cluster.find = advertise(skipped);
    const failing = await host.updater(["enable"]);
    expect({ exitCode: failing.exitCode, code: failing.code }).toEqual({ exitCode: 1, code: "E_BROKEN_RELEASE" });
    expect(messages(failing, "warn")).toContain("The target was marked broken before, trying it again.");
    await expectGood();
    expect(configOf(host).status.skip).toEqual({ version: skipped });

    // Its setup alone was broken.
    await host.succeed(["enable", "--self-setup"]);
    await expectWhole(host, cluster, { revision: skipped, running: ["teleport", "tbot"] });
    expect(configOf(host).status).not.toHaveProperty("skip");
  });

  test("once the cluster moves on, so does the host", async () => {
    cluster.find = advertise(BETTER);
    expect((await runTimer(host)).exitCode).toBe(0);
    await expectWhole(host, cluster, { revision: BETTER, running: ["teleport", "tbot"] });
    expect(configOf(host).status).toMatchObject({ last_update: { success: true } });
  });
});

describe("an agent that hears no SIGHUP", () => {
  let host: UpdaterHost;
  beforeAll(async () => {
    host = await servingHost();
    cluster.find = advertise(DEAF);
    expect((await runTimer(host)).exitCode).toBe(0);
    await expectWhole(host, cluster, { revision: DEAF, running: ["teleport", "tbot"] });
  }, 300_000);
  afterAll(() => host?.[Symbol.asyncDispose]());

  test("never comes to its successor, so the host stays at its release", async () => {
    const { pid } = await readiness(host);
    cluster.find = advertise(BETTER);
    const { exitCode, code } = await runTimer(host);
    expect({ exitCode, code }).toEqual({ exitCode: 1, code: "E_BROKEN_RELEASE" });
    await expectWhole(host, cluster, { revision: DEAF, running: ["teleport", "tbot"] });
    expect((await readiness(host)).pid).toBe(pid);
    expect(configOf(host).status.skip).toEqual({ version: BETTER });
  });
});

describe("programs that were installed by hand", () => {
  test("come back, running, when the release that `enable --overwrite` put in their place does not live", async () => {
    await using host = await bootUpdaterHost(cluster.ca, {
      executable,
      files: { ...timerHeldBack(), ...QUICK_CRASHES, [UNIT]: BY_HAND },
      async beforeBoot(directory) {
        for (const [name, source] of [
          ["teleport", "agent"],
          ["tsh", "tool"],
        ] as const) {
          await writeStandIn(join(directory, "usr/local/bin", name), { source, version: "17.0.0" });
        }
      },
    });
    await host.exec(["systemctl", "enable", "--now", "teleport.service"]);
    await readiness(host);
    const before = host.footprint();

    cluster.find = advertise("18.2.2");
    const { exitCode, code } = await host.updater([...enableFrom(cluster), "--overwrite", "--self-setup"]);
    expect({ exitCode, code }).toEqual({ exitCode: 1, code: "E_BROKEN_RELEASE" });
    expect(added(host.footprint(), before)).toEqual([]);
    expect(added(before, host.footprint())).toEqual(LOCKED_NAMESPACE);
    const { status, pid } = await readiness(host);
    expect({ status, program: await programOf(host, pid) }).toEqual({
      status: "ok",
      program: "/usr/local/bin/teleport",
    });
    expect(await host.ask("/usr/local/bin/teleport", "version")).toStartWith("Teleport v17.0.0 ");
  });
});

const UNIT = "/usr/lib/systemd/system/teleport.service";
const BY_HAND = `[Service]
ExecStart=/usr/local/bin/teleport start --config /etc/teleport.yaml --pid-file=/run/teleport.pid
ExecReload=/bin/sh -c "exec pkill -HUP -L -F /run/teleport.pid"
PIDFile=/run/teleport.pid
Restart=always

[Install]
WantedBy=multi-user.target
`;

describe("what is not watched", () => {
  let host: UpdaterHost;
  beforeAll(async () => {
    host = await servingHost();
  }, 300_000);
  afterAll(() => host?.[Symbol.asyncDispose]());

  test("[core 7.4 now, not started or enabled]: stopped services stay stopped, and the release is not blamed", async () => {
    await host.exec(["systemctl", "stop", "tbot.service", "teleport.service"]);
    const never = BAD_RELEASES[2].version;
    cluster.find = advertise(never);
    const outcome = await host.succeed(["update", "--now"]);
    expect(messages(outcome, "warn").slice(0, 2)).toEqual(
      Array(2).fill("The service is not running, so it is not reloaded."),
    );
    await expectWhole(host, cluster, { revision: never, running: [] });
    expect(await host.ask("systemctl", "is-active", "teleport.service", "tbot.service")).toBe("inactive\ninactive");
  });

  test("a service without a debug socket passes at the deadline, with a warning", async () => {
    // An agent with another data directory than its usual configuration tells: nothing listens where we look.
    await host.writeFile("/etc/elsewhere.yaml", "teleport:\n  data_dir: /var/lib/elsewhere\n");
    const start = "/usr/local/bin/teleport start --config /etc/elsewhere.yaml --pid-file=/run/teleport.pid";
    await host.writeFile(
      "/etc/systemd/system/teleport.service.d/elsewhere.conf",
      `[Service]\nExecStart=\nExecStart=${start}\n`,
    );
    await host.exec(["systemctl", "daemon-reload"]);
    await host.exec(["systemctl", "start", "teleport.service"]);
    const socket = "/var/lib/elsewhere/debug.sock";
    const before = await readiness(host, socket);

    cluster.find = advertise(GOOD);
    const { exitCode, log } = await runTimer(host);
    expect(exitCode).toBe(0);
    expect(log.join("\n")).toContain("WARN The service cannot be asked whether it is ready");
    await expectWhole(host, cluster, { revision: GOOD, running: [] });
    const { pid } = await readiness(host, socket);
    expect(pid).not.toBe(before.pid);
    expect(await programOf(host, pid)).toBe(`/opt/teleport/default/versions/${GOOD}/bin/teleport`);
  });
});

/** Whose fault it is, in the words of the release maker. */
function describeRelease({ bad, updater }: { bad?: { agent?: string; bot?: string }; updater?: string }): string {
  if (updater !== undefined) return `setup ${updater}`;
  return bad?.agent === undefined ? `bot ${bad?.bot}` : `agent ${bad.agent}`;
}

function withoutConfig(footprint: readonly string[]): string[] {
  return footprint.filter((line) => !line.startsWith(`${CONFIG} `));
}
