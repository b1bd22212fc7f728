import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { testingExecutablePath } from "../support/executable.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { readiness } from "./support/agent.ts";
import { type Cluster, enableFrom, startCluster } from "./support/cluster.ts";
import { eventually } from "./support/eventually.ts";
import { type RunningUpdate, runTimer, startTimerRun, timerHeldBack, UPDATER_UNIT } from "./support/timer-run.ts";
import { bootUpdaterHost, outcomeOf, type UpdaterHost } from "./support/updater-host.ts";
import { configOf, expectWhole } from "./support/whole.ts";

const OLD = "18.1.0";
const NEW = "18.2.0";
/** Watched for six seconds. */
const NEVER_READY = "18.3.0";
const CONFIG = "/opt/teleport/default/update.yaml";
const STALL_SETUP = "/run/stall-setup";
const AGENT_DROP_IN = "/etc/systemd/system/teleport.service.d/slow.conf";
/** What systemd waits before it kills a unit that it stops. */
const STOP_LIMIT_MS = 90_000;

/**
 * What the stand-in updater takes for `systemctl`, as ours looks in the system's own folders only. Once told to stall, it
 * does so when all files of the setup are written and read.
 */
const STALLING_SYSTEMCTL = {
  "/usr/local/sbin/systemctl": {
    content: `#!/bin/sh
if [ "$1" = enable ] && [ -e ${STALL_SETUP} ]; then
  echo reached >${STALL_SETUP}
  exec sleep infinity
fi
exec /usr/bin/systemctl "$@"
`,
    mode: 0o755,
  },
};

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster([
    { version: OLD },
    { version: NEW },
    { version: NEVER_READY, bad: { agent: "never-ready" } },
  ]);
}, 300_000);
afterAll(() => cluster?.[Symbol.asyncDispose]());

/** A host at `OLD` with its agent running. */
async function servingHost(): Promise<UpdaterHost> {
  const host = await bootUpdaterHost(cluster.ca, {
    executable: await testingExecutablePath(),
    files: { ...timerHeldBack(), ...STALLING_SYSTEMCTL },
  });
  await host.succeed([...enableFrom(cluster), "--force-version", OLD]);
  await host.exec(["systemctl", "enable", "--now", "teleport.service"]);
  await expectWhole(host, cluster, { revision: OLD });
  return host;
}

/** Where an update can be met, and how to bring it there and no further. */
interface Phase {
  target: string;
  jitterSeconds?: number;
  prepare(host: UpdaterHost): Promise<unknown>;
  reached(host: UpdaterHost, run: RunningUpdate): Promise<unknown>;
  /** Whether the agent had to be brought back by then. */
  touchesAgent: boolean;
}

const PHASES = {
  jitter: {
    target: NEW,
    jitterSeconds: 1800,
    prepare: async () => {},
    reached: (_, run) => run.logged("Waiting for a random time"),
    touchesAgent: false,
  },
  download: {
    target: NEW,
    prepare: async () => stallDownload(),
    reached: () => halfSent,
    touchesAgent: false,
  },
  setup: {
    target: NEW,
    prepare: (host) => host.exec(["mkfifo", STALL_SETUP]),
    reached: (host) => host.exec(["cat", STALL_SETUP]),
    touchesAgent: false,
  },
  reload: {
    target: NEW,
    prepare: (host) => slowReload(host),
    reached: (host) =>
      eventually("the agent is reloaded", async () => {
        const state = await host.ask("systemctl", "show", "--value", "--property=SubState", "teleport.service");
        return state.startsWith("reload");
      }),
    touchesAgent: true,
  },
  health: {
    target: NEVER_READY,
    prepare: async () => {},
    reached: (_, run) => run.logged("Watching the service come up."),
    touchesAgent: true,
  },
} satisfies Record<string, Phase>;

const ENDINGS = {
  "the unit is stopped": ["systemctl", "stop", UPDATER_UNIT],
  "the updater gets SIGTERM": ["sh", "-c", `kill -TERM "$(systemctl show --value --property=MainPID ${UPDATER_UNIT})"`],
} as const;

describe("an update that is interrupted", () => {
  let host: UpdaterHost;
  beforeAll(async () => {
    host = await servingHost();
  }, 300_000);
  afterAll(() => host?.[Symbol.asyncDispose]());
  afterEach(async () => {
    for (const { urlPath } of Object.values(cluster.made)) cluster.respond(urlPath, undefined);
    await host.exec(["rm", "-f", STALL_SETUP, AGENT_DROP_IN]);
    await host.exec(["systemctl", "daemon-reload"]);
  });

  const cases = Object.entries(PHASES).flatMap(([name, phase]) =>
    Object.entries(ENDINGS).map(([ending, argv]) => [name, ending, phase as Phase, argv] as const),
  );
  test.each(cases)("during %s, as %s: leaves the host as it was", async (name, _, phase, argv) => {
    await phase.prepare(host);
    const before = { footprint: host.footprint(), pid: (await readiness(host)).pid };
    cluster.find = advertise(phase.target, { jitterSeconds: phase.jitterSeconds ?? 0 });
    const run = await startTimerRun(host);
    await reached(run, phase.reached(host, run));
    const startedAt = performance.now();
    await host.exec(argv);
    const outcome = await run.ended;
    expect(performance.now() - startedAt).toBeLessThan(STOP_LIMIT_MS);
    expect(outcome).toMatchObject({ exitCode: 1, result: "exit-code", code: "E_CANCELED" });

    await host.exec(["rm", "-f", STALL_SETUP]);
    await expectWhole(host, cluster, { revision: OLD });
    expect((await readiness(host)).pid === before.pid).toBe(!phase.touchesAgent);
    const changed = host.footprint().filter((line) => !before.footprint.includes(line));
    // The attempt is on record, but no blame.
    expect(changed.map((line) => line.split(" ")[0])).toEqual(name === "jitter" ? [] : [CONFIG]);
    expect(configOf(host).status).not.toHaveProperty("skip");
    expect(await host.ask("pgrep", "-x", "sleep")).toBe("");
  });

  test("holds the lock while it waits for its turn", async () => {
    cluster.find = advertise(NEW, { jitterSeconds: 1800 });
    const run = await startTimerRun(host);
    await run.logged("Waiting for a random time");
    expect((await host.exec(["flock", "--nonblock", "/opt/teleport/default/update.lock", "true"])).exitCode).toBe(1);
    await host.exec(["systemctl", "stop", UPDATER_UNIT]);
    await run.ended;
    expect((await host.exec(["flock", "--nonblock", "/opt/teleport/default/update.lock", "true"])).exitCode).toBe(0);
  });

  test("is made up for by the next run", async () => {
    cluster.find = advertise(NEW);
    expect((await runTimer(host)).exitCode).toBe(0);
    await expectWhole(host, cluster, { revision: NEW });
  });
});

describe("a shutdown while an update watches the agent", () => {
  let host: UpdaterHost;
  beforeAll(async () => {
    host = await servingHost();
  }, 300_000);
  afterAll(() => host?.[Symbol.asyncDispose]());

  test.each([
    ["reboot", OLD, NEW],
    ["poweroff", NEW, OLD],
  ] as const)("by `systemctl %s`: leaves a whole host, which the next run updates", async (how, from, to) => {
    cluster.find = advertise(NEVER_READY);
    const run = await startTimerRun(host);
    run.ended.catch(() => {});
    await run.logged("Watching the service come up.");
    await host.reboot(how);

    await expectWhole(host, cluster, { revision: from });
    expect(configOf(host).status).not.toHaveProperty("skip");
    cluster.find = advertise(to);
    expect((await runTimer(host)).exitCode).toBe(0);
    await expectWhole(host, cluster, { revision: to });
  });
});

describe("two updates at once", () => {
  let host: UpdaterHost;
  beforeAll(async () => {
    host = await servingHost();
  }, 300_000);
  afterAll(() => host?.[Symbol.asyncDispose]());

  test("of one installation: the second waits, and finds nothing left to do", async () => {
    cluster.find = advertise(NEW);
    cluster.requests.length = 0;
    const now = async () => outcomeOf(await host.exec(["teleport-update", "--log-format=json", "update", "--now"]));
    const outcomes = await Promise.all([now(), now()]);
    expect(outcomes.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    const said = outcomes.map(({ log }) => log.map(({ message }) => message));
    expect(said.filter((lines) => lines.includes("Waiting for another updater."))).toHaveLength(1);
    expect(said.filter((lines) => lines.includes("Teleport is up to date."))).toHaveLength(1);
    expect(cluster.requests.filter(({ path }) => path === cluster.made[NEW]?.urlPath)).toHaveLength(1);
    await expectWhole(host, cluster, { revision: NEW });
  });

  test("of two installations: neither meets the other", async () => {
    const suffix = "blue";
    for (const [path, text] of Object.entries(timerHeldBack(`teleport-update_${suffix}.timer`))) {
      await host.writeFile(path, text);
    }
    await host.writeFile(`/etc/teleport_${suffix}.yaml`, `teleport:\n  data_dir: /var/lib/teleport_${suffix}\n`);
    await host.succeed([...enableFrom(cluster), "--install-suffix", suffix]);
    await host.exec(["systemctl", "enable", "--now", `teleport_${suffix}.service`]);
    await expectWhole(host, cluster, { revision: NEW, suffix });

    cluster.find = advertise(OLD);
    const runs = await Promise.all([runTimer(host), runTimer(host, `teleport-update_${suffix}.service`)]);
    expect(runs.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    await expectWhole(host, cluster, { revision: OLD });
    await expectWhole(host, cluster, { revision: OLD, suffix });
  });
});

/** Waits for `event`; fails when the run ends before. */
async function reached(run: RunningUpdate, event: Promise<unknown>): Promise<void> {
  const early = run.ended.then(({ log }) => Promise.reject(new Error(`the run ended early:\n${log.join("\n")}`)));
  early.catch(() => {});
  await Promise.race([event, early]);
}

let halfSent: Promise<void>;

/** The CDN sends half of the archive and nothing more. */
function stallDownload(): void {
  const release = cluster.made[NEW];
  if (release === undefined) throw new Error("no release was made");
  const half = readFileSync(release.archive).subarray(0, release.bytes / 2);
  const { promise, resolve } = Promise.withResolvers<void>();
  halfSent = promise;
  cluster.respond(release.urlPath, () => {
    const body = new ReadableStream({
      // Called again once the first half is on its way; there is no second one.
      pull(controller) {
        if (controller.desiredSize === 1) controller.enqueue(half);
        resolve();
        return new Promise(() => {});
      },
    });
    return new Response(body, { headers: { "content-length": String(release.bytes) } });
  });
}

async function slowReload(host: UpdaterHost): Promise<void> {
  const reload = '/bin/sh -c "sleep 3; exec pkill -HUP -L -F /run/teleport.pid"';
  await host.writeFile(AGENT_DROP_IN, `[Service]\nExecReload=\nExecReload=${reload}\n`);
  await host.exec(["systemctl", "daemon-reload"]);
}
