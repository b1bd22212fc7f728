import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Suite } from "../support/base-image.ts";
import { testingExecutablePath } from "../support/executable.ts";
import { advertise, type FindBody } from "../support/proxy-and-cdn.ts";
import { readiness } from "./support/agent.ts";
import { type Cluster, enableFrom, startCluster } from "./support/cluster.ts";
import { eventually } from "./support/eventually.ts";
import { runTimer, timerHeldBack, UPDATER_UNIT } from "./support/timer-run.ts";
import { bootUpdaterHost, type Outcome, outcomeOf, type UpdaterHost } from "./support/updater-host.ts";
import { configOf, expectWhole, versionsOf } from "./support/whole.ts";

const VERSIONS = "/opt/teleport/default/versions";
const CONFIG = "/opt/teleport/default/update.yaml";

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster([
    { version: "18.1.0" },
    { version: "18.2.0" },
    { version: "18.3.0" },
    { version: "18.3.0", flags: ["Enterprise"] },
    { version: "18.3.0", flags: ["Enterprise", "FIPS"] },
    { version: "18.4.0", bad: { agent: "never-ready" } },
  ]);
}, 300_000);
afterAll(() => cluster?.[Symbol.asyncDispose]());

describe.each<Suite>(["bullseye", "bookworm", "trixie"])("the life of an agent on %s", (suite) => {
  let host: UpdaterHost;
  beforeAll(async () => {
    host = await bootUpdaterHost(cluster.ca, {
      suite,
      executable: await testingExecutablePath(),
      files: timerHeldBack(),
    });
    cluster.find = advertise("18.1.0");
    await host.succeed([...enableFrom(cluster), "--group", "canary"]);
    await host.exec(["systemctl", "enable", "--now", "teleport.service"]);
    await expectWhole(host, cluster, { revision: "18.1.0" });
  }, 300_000);
  afterAll(() => host?.[Symbol.asyncDispose]());

  /** What the next run of the timer's unit comes to, and what it asked of proxy and CDN. */
  async function runWhen(find: FindBody) {
    cluster.find = find;
    cluster.requests.length = 0;
    const run = await runTimer(host);
    return { ...run, requests: cluster.requests.map(({ path }) => path) };
  }

  const archive = (revision: string) => `${cluster.made[revision]?.urlPath}`;
  const agentPid = async () => (await readiness(host)).pid;

  test("[core 7.4 enabled outside window]: asks, and leaves all as it is", async () => {
    const before = { pid: await agentPid(), footprint: host.footprint() };
    const { exitCode, log, requests } = await runWhen(advertise("18.2.0", { inWindow: false }));
    expect({ exitCode, log }).toEqual({
      exitCode: 0,
      log: [
        "INFO An update is available. The update window is not active. target_version:18.2.0 active_version:18.1.0",
      ],
    });
    expect(requests).toEqual(["/webapi/find"]);
    expect({ pid: await agentPid(), footprint: host.footprint() }).toEqual(before);
  });

  test("[core 7.4 enabled during window]: moves, and the agent goes on as a new process", async () => {
    mkdirSync(join(host.directory, VERSIONS, "17.0.0"));
    const before = await agentPid();
    const startedAt = Date.now();
    const { exitCode, requests } = await runWhen(advertise("18.2.0"));
    expect(exitCode).toBe(0);
    expect(requests).toEqual(["/webapi/find", `${archive("18.2.0")}.sha256`, archive("18.2.0")]);
    expect(cluster.requests[0]?.query["group"]).toBe("canary");

    await expectWhole(host, cluster, { revision: "18.2.0" });
    expect(await agentPid()).not.toBe(before);
    expect(await host.ask("systemctl", "show", "--value", "--property=NRestarts", "teleport.service")).toBe("0");
    expect(versionsOf(host)).toEqual(["18.1.0", "18.2.0"]);
    const { status } = configOf(host);
    expect(status).toMatchObject({
      backup: { version: "18.1.0" },
      last_update: { success: true, target: { version: "18.2.0" } },
    });
    expect(status).not.toHaveProperty("skip");
    expect(Date.parse(status.last_update?.time ?? "")).toBeWithin(startedAt, Date.now());
  });

  test.each([
    ["in window", true],
    ["outside window", false],
  ])("[core 7.4 already installed %s]: asks, and leaves all as it is", async (_, inWindow) => {
    const before = { pid: await agentPid(), config: await host.readFile(CONFIG) };
    const { exitCode, requests } = await runWhen(advertise("18.2.0", { inWindow }));
    expect({ exitCode, requests }).toEqual({ exitCode: 0, requests: ["/webapi/find"] });
    expect({ pid: await agentPid(), config: await host.readFile(CONFIG) }).toEqual(before);
  });

  test("`status` tells where the host is, and that it should go on", async () => {
    cluster.find = advertise("18.3.0", { jitterSeconds: 60 });
    const { exitCode, stdout, stderr } = await host.updater(["status", "--err-if-should-update-now"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 3, stderr: "" });
    expect(stdout).toBe(`proxy: ${cluster.address}
path: /usr/local/bin
group: canary
base_url: ${cluster.baseUrl}
enabled: true
pinned: false
last_update:
    success: true
    time: ${configOf(host).status.last_update?.time}
    target:
        version: 18.2.0
active:
    version: 18.2.0
backup:
    version: 18.1.0
target:
    version: 18.3.0
in_window: true
jitter: 1m0s
proof: checksum
`);
  });

  test("[core 7.4 enabled now] [core 7.4 backup removed on install]: `--now` needs no window and no patience", async () => {
    cluster.find = advertise("18.3.0", { inWindow: false, jitterSeconds: 1800 });
    expect((await updateNow()).exitCode).toBe(0);
    await expectWhole(host, cluster, { revision: "18.3.0" });
    expect(configOf(host).status.backup).toEqual({ version: "18.2.0" });
    expect(versionsOf(host)).toEqual(["18.2.0", "18.3.0"]);
    expect((await host.succeed(["status", "--err-if-should-update-now"])).stdout).toContain(
      "active:\n    version: 18.3.0\n",
    );
  });

  test("a lower version is followed too, without fetching again what is there", async () => {
    const { exitCode, requests } = await runWhen(advertise("18.2.0"));
    expect({ exitCode, requests }).toEqual({
      exitCode: 0,
      requests: ["/webapi/find", `${archive("18.2.0")}.sha256`],
    });
    await expectWhole(host, cluster, { revision: "18.2.0" });
    expect(configOf(host).status.backup).toEqual({ version: "18.3.0" });
  });

  test("waits for its turn within the jitter of the cluster", async () => {
    const startedAt = performance.now();
    const { exitCode, log } = await runWhen(advertise("18.3.0", { jitterSeconds: 3 }));
    expect(exitCode).toBe(0);
    const waited = log.map((line) => /^INFO Waiting for a random time.* seconds:(\d+) at_most:3$/.exec(line)?.[1]);
    // One time in 3000 there is nothing to wait for.
    const seconds = Number(waited.find((match) => match !== undefined) ?? 0);
    expect(seconds).toBeWithin(0, 4);
    // What is told is rounded.
    expect(performance.now() - startedAt).toBeGreaterThan((seconds - 0.5) * 1000);
    await expectWhole(host, cluster, { revision: "18.3.0" });
  });

  test.each([
    ["Enterprise", "18.3.0_ent", advertise("18.3.0", { edition: "ent" })],
    ["FIPS and Enterprise", "18.3.0_ent_fips", advertise("18.3.0", { edition: "ent", fips: true })],
  ])(
    "[core 7.4 FIPS and Enterprise]: another edition of the same version is followed: %s",
    async (_, revision, find) => {
      const { exitCode, requests } = await runWhen(find);
      expect({ exitCode, requests }).toEqual({
        exitCode: 0,
        requests: ["/webapi/find", `${archive(revision)}.sha256`, archive(revision)],
      });
      await expectWhole(host, cluster, { revision });
      const start = await host.ask("systemctl", "show", "--value", "--property=ExecStart", "teleport.service");
      expect(start.includes(" --fips ")).toBe(revision.endsWith("_fips"));
    },
  );

  test("a release that does not live is taken back, and not tried again", async () => {
    const { exitCode, code } = await runWhen(advertise("18.4.0"));
    expect({ exitCode, code }).toEqual({ exitCode: 1, code: "E_BROKEN_RELEASE" });
    await expectWhole(host, cluster, { revision: "18.3.0_ent_fips" });
    expect(configOf(host).status).toMatchObject({
      skip: { version: "18.4.0" },
      last_update: { success: false, target: { version: "18.4.0" } },
    });
    const { requests, ...next } = await runWhen(advertise("18.4.0"));
    expect({ exitCode: next.exitCode, requests }).toEqual({ exitCode: 0, requests: ["/webapi/find"] });
  });

  test("after a reboot the agent runs, and the timer goes off by itself", async () => {
    await host.writeFile(
      Object.keys(timerHeldBack())[0] ?? "",
      "[Timer]\nOnActiveSec=\nOnActiveSec=1s\nRandomizedDelaySec=0\nAccuracySec=10ms\n",
    );
    cluster.find = advertise("18.1.0");
    await host.reboot();
    expect(await host.ask("systemctl", "is-active", "teleport-update.timer", "teleport.service")).toBe(
      "active\nactive",
    );
    await eventually(
      "the timer has updated the host",
      async () =>
        configOf(host).status.last_update?.success === true &&
        configOf(host).status.active.version === "18.1.0" &&
        // The settings are written before the run tidies up.
        (await host.ask("systemctl", "show", "--value", "-p", "ActiveState", UPDATER_UNIT)) === "inactive",
    );
    await expectWhole(host, cluster, { revision: "18.1.0" });
  });

  /** As an operator: the linked program. */
  async function updateNow(): Promise<Outcome> {
    return outcomeOf(await host.exec(["teleport-update", "--log-format=json", "update", "--now"]));
  }
});
