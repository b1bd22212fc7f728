import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import { testingExecutablePath } from "../support/executable.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { type Cluster, enableFrom, startCluster } from "./support/cluster.ts";
import { eventually } from "./support/eventually.ts";
import { STALLING_SYSTEMCTL, stallSetup } from "./support/stalling-setup.ts";
import { timerHeldBack } from "./support/timer-run.ts";
import { bootUpdaterHost, type Outcome, outcomeOf, type UpdaterHost } from "./support/updater-host.ts";
import { configOf, expectWhole, versionsOf } from "./support/whole.ts";

const OLD = "18.1.0";
const NEW = "18.2.0";
/** No longer needed by anybody, so that an update has something to remove. */
const ANCIENT = "17.0.0";
const VERSIONS = "/opt/teleport/default/versions";
const LINKS = "/usr/local/bin";
const LOCK = "/opt/teleport/default/update.lock";
const UPDATE = ["teleport-update", "--log-format=json", "update", "--now"] as const;
/** What a program ended by SIGKILL leaves as its exit code. */
const KILLED = 137;
/**
 * Every kind of change that an update makes. Before a change that is announced with others is nothing else than after the
 * one that precedes it, so only the very first is struck there; what other programs do is announced alone.
 */
const POINTS = [
  "file:before",
  "file:after",
  "move:after",
  "link:after",
  "daemon-reload:before",
  "daemon-reload:after",
  "setup:before",
  "setup:after",
  "reload:before",
  "reload:after",
  "commit:before",
  "commit:after",
  "remove:before",
  "remove:after",
];
/** 10 keep the suite short; `TELEPORT_UPDATE_TEST_KILLS=40` is what a release gets. */
const KILLS = Number(process.env["TELEPORT_UPDATE_TEST_KILLS"] ?? 10);

const POINTS_LOG = "/run/points";

let cluster: Cluster;
let host: UpdaterHost;
/** What a run that nobody kills passes, and how long it takes. */
let undisturbed: { points: string[]; seconds: number };
beforeAll(async () => {
  cluster = await startCluster([{ version: OLD }, { version: NEW }]);
  host = await bootUpdaterHost(cluster.ca, {
    executable: await testingExecutablePath(),
    files: { ...timerHeldBack(), ...STALLING_SYSTEMCTL },
  });
  await host.succeed(enableFrom(cluster));
  await host.exec(["systemctl", "enable", "--now", "teleport.service", "tbot.service"]);
  await expectServing(OLD);

  const target = moveBack();
  const started = performance.now();
  const { exitCode, stderr } = await updateNow({ TESTING_FAULT_LOG: POINTS_LOG });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.any(String) });
  undisturbed = { points: await pointsPassed(), seconds: (performance.now() - started) / 1000 };
  await expectServing(target);
}, 300_000);
afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

describe("an update that is killed", () => {
  test.each(POINTS)("at the first %s: what is linked is whole, and the next run finishes the move", async (point) => {
    const index = undisturbed.points.indexOf(point);
    expect(undisturbed.points).toContain(point);
    const target = moveBack();
    const { exitCode } = await host.exec(UPDATE, { env: { TESTING_FAULT: `${index}:kill` } });
    expect(exitCode).toBe(KILLED);
    expectLinksWhole();
    await expectFinished(target);
  });

  test(`${KILLS} times at random: each next run finishes the move`, async () => {
    const histogram = new Map<string, number>();
    for (let kill = 0; kill < KILLS; kill += 1) {
      const target = moveBack();
      // Anywhere in its share of a run, so that few kills reach every part of it.
      const seconds = ((kill + Math.random()) / KILLS) * undisturbed.seconds;
      await host.exec(["rm", "-f", POINTS_LOG]);
      const limit = ["timeout", "--foreground", "--signal=KILL", seconds.toFixed(3)];
      await host.exec([...limit, ...UPDATE], { env: { TESTING_FAULT_LOG: POINTS_LOG } });
      const phase = (await pointsPassed()).at(-1) ?? "before the first change";
      histogram.set(phase, (histogram.get(phase) ?? 0) + 1);
      console.log(`kill ${kill}: ${seconds.toFixed(3)} s into a move to ${target}, ${phase}`);
      expectLinksWhole();
      await expectFinished(target);
    }
    for (const [phase, count] of histogram) console.log(`${String(count).padStart(5)}  ${phase}`);
  });

  test("while the release's setup goes on: the next run waits for it, undoes, and moves", async () => {
    const target = moveBack();
    const setup = await stallSetup(host);
    const killed = host.exec(["sh", "-c", 'echo $$ >/run/updater.pid; exec "$@"', "sh", ...UPDATE]);
    await setup.reached();
    await host.exec(["sh", "-c", "kill -KILL $(cat /run/updater.pid)"]);
    // Its output stays open in the child, so its end is seen on the process itself.
    await eventually("the updater is gone", async () => {
      return (await host.exec(["sh", "-c", "test ! -e /proc/$(cat /run/updater.pid)"])).exitCode === 0;
    });
    expect((await host.exec(["flock", "--nonblock", LOCK, "true"])).exitCode).toBe(1);
    expectLinksWhole();

    const next = host.exec(["sh", "-c", 'exec "$@" 2>/run/next.log', "sh", ...UPDATE]);
    await eventually("the next run waits", async () =>
      (await host.exec(["cat", "/run/next.log"])).stdout.includes("Waiting for another updater."),
    );
    await setup.goOn();
    const { exitCode } = await next;
    const said = await host.readFile("/run/next.log");
    expect({ exitCode, said }).toEqual({ exitCode: 0, said: expect.stringContaining("undoing what it began") });
    expect((await killed).exitCode).toBe(KILLED);
    await expectServing(target);
  });
});

/** The cluster wants the other release from now on, which is to be fetched anew; answers it. */
function moveBack(): string {
  const active = configOf(host).status.active.version;
  const target = active === OLD ? NEW : OLD;
  for (const name of versionsOf(host)) {
    if (name !== active) rmSync(join(host.directory, VERSIONS, name), { recursive: true });
  }
  mkdirSync(join(host.directory, VERSIONS, ANCIENT));
  cluster.find = advertise(target);
  return target;
}

async function expectFinished(target: string): Promise<void> {
  const { exitCode, stderr } = await updateNow();
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.any(String) });
  await expectServing(target);
}

async function expectServing(revision: string): Promise<void> {
  await expectWhole(host, cluster, { revision, running: ["teleport", "tbot"] });
}

/** The promise at any instant: every link of ours leads into a version with its digest. */
function expectLinksWhole(): void {
  const folder = join(host.directory, LINKS);
  const broken = readdirSync(folder)
    .filter((name) => lstatSync(join(folder, name)).isSymbolicLink())
    .map((name) => readlinkSync(join(folder, name)))
    .filter((target) => {
      const version = new RegExp(`^${VERSIONS}/[^/]+`).exec(target)?.[0];
      const proof = version === undefined ? [] : [join(version, "sha256")];
      return ![target, ...proof].every((path) => existsSync(join(host.directory, path)));
    });
  expect(broken).toEqual([]);
}

/** Empty when the run was killed before the first. */
async function pointsPassed(): Promise<string[]> {
  const { stdout } = await host.exec(["cat", POINTS_LOG]);
  return stdout.split("\n").filter((line) => line !== "");
}

async function updateNow(env: Record<string, string> = {}): Promise<Outcome> {
  return outcomeOf(await host.exec(UPDATE, { env }));
}
