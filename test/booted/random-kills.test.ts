import { afterAll, beforeAll, expect, test } from "bun:test";
import { testingExecutablePath } from "../support/executable.ts";
import { freshSeed, randomFrom } from "../support/seeded-random.ts";
import { type AlikeHosts, bootAlike } from "./support/alike-hosts.ts";
import { type Cluster, startCluster } from "./support/cluster.ts";
import {
  expectFinished,
  expectServing,
  keepOnly,
  NEW,
  OLD,
  startServing,
  turnBack,
  UPDATE,
} from "./support/moving-cluster.ts";
import { PHASES, type Phase, type PhaseTime, phaseTimes, phaseWhenKilled } from "./support/run-phases.ts";
import { expectLinksWhole, forgetPoints, KILLED, POINTS_LOG, pointsPassed } from "./support/struck-run.ts";
import { timerHeldBack } from "./support/timer-run.ts";
import { bootUpdaterHost, type UpdaterHost } from "./support/updater-host.ts";

/** Fewer with `TELEPORT_UPDATE_TEST_KILLS`. */
const KILLS = Number(process.env["TELEPORT_UPDATE_TEST_KILLS"] ?? 40);
/** What it prints, as `TELEPORT_UPDATE_TEST_SEED`, repeats the aims; the clock decides where they fall. */
const SEED = process.env["TELEPORT_UPDATE_TEST_SEED"] ?? freshSeed();
/** From so many on, the reload must have had its share: what is struck nowhere else by the clock. */
const FULL_KILLS = 40;
const RELOADS_WANTED = 30;
/** Aimed at the reload: some fall beside it, as no run takes as long as another. */
const SHARE_OF_RELOAD = 34 / 40;
/** Where a reload was over before its kill, the next one comes so much earlier. */
const EARLIER = 0.8;
/** Of four at once, on a machine that has other work. */
const KILL_LIMIT_MS = 15_000;
const HOSTS = ["first", "second", "third", "fourth"] as const;

let cluster: Cluster;
let hosts: AlikeHosts<(typeof HOSTS)[number]>;
/** Of the runs that nobody kills, the one with the shortest reload: what is aimed at its end must not fall behind that of others. */
let times: Record<Phase, PhaseTime> | undefined;
beforeAll(async () => {
  cluster = await startCluster([{ version: OLD }, { version: NEW }]);
  const executable = await testingExecutablePath();
  hosts = await bootAlike(HOSTS, () => bootUpdaterHost(cluster.ca, { executable, files: timerHeldBack() }));
  await hosts.each((host) => startServing(host, cluster));

  const { from, target } = turnBack(cluster);
  await hosts.each(async (host) => {
    keepOnly(host, from);
    forgetPoints(host);
    const run = host.exec(UPDATE, { env: { TESTING_FAULT_LOG: POINTS_LOG } });
    const measured = await phaseTimes(run, () => pointsPassed(host));
    if (times === undefined || measured.reload.seconds < times.reload.seconds) times = measured;
    expect((await run).exitCode).toBe(0);
    await expectServing(host, cluster, target);
  });
}, 300_000);
afterAll(async () => {
  await hosts?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

test(
  `an update that is killed ${KILLS} times at random: each next run finishes the move`,
  async () => {
    console.log(`TELEPORT_UPDATE_TEST_SEED=${SEED}`);
    const histogram = new Map<Phase, number>(PHASES.map((phase) => [phase, 0]));
    let late = 0;
    const aims = plannedAims(randomFrom(Number(SEED)));
    while (aims.length > 0) {
      const { from, target } = turnBack(cluster);
      const inRound = new Map(HOSTS.map((name) => [name, aims.shift()]));
      await hosts.each(async (host, name) => {
        const aim = inRound.get(name);
        keepOnly(host, from);
        if (aim !== undefined) {
          const phase = await killDuring(host, aim);
          if (phase === "over") late += 1;
          else histogram.set(phase, (histogram.get(phase) ?? 0) + 1);
          // A run may be quicker than the one that was watched.
          if (aim.phase === "reload" && phase !== "reload") aims.push({ ...aim, part: aim.part * EARLIER });
          expectLinksWhole(host);
        }
        await expectFinished(host, cluster, target);
      });
    }
    for (const [phase, count] of histogram) console.log(`${String(count).padStart(5)}  ${phase}`);
    if (late > 0) console.log(`${late} more runs were over before their kill came`);
    if (KILLS >= FULL_KILLS) expect(histogram.get("reload")).toBeGreaterThanOrEqual(RELOADS_WANTED);
  },
  KILLS * KILL_LIMIT_MS,
);

interface Aim {
  phase: Phase;
  /** How far into the phase, from 0 to 1. */
  part: number;
}

/** Most kills go into the reload, one into each share of it so that few reach every part; the others anywhere else. */
function plannedAims(random: () => number): Aim[] {
  const reloads = Math.round(KILLS * SHARE_OF_RELOAD);
  const others = PHASES.filter((phase) => phase !== "reload");
  return Array.from({ length: KILLS }, (_, kill): Aim => {
    if (kill < reloads) return { phase: "reload", part: (kill + random()) / reloads };
    return { phase: others[(kill - reloads) % others.length] ?? "download", part: random() };
  });
}

/** Waits in the host until the run has passed as many points as stand before the phase, and kills it a while later. */
const KILL_AFTER = `points=$0 wanted=$1 delay=$2; shift 2
"$@" >/dev/null 2>&1 &
while [ "$(cat "$points" 2>/dev/null | wc -l)" -lt "$wanted" ] && kill -0 $! 2>/dev/null; do sleep 0.01; done
sleep "$delay"
kill -KILL $! 2>/dev/null
wait $!`;

/** Answers the phase in which the kill fell; a run that was over before it must have ended well. */
async function killDuring(host: UpdaterHost, { phase, part }: Aim): Promise<Phase | "over"> {
  if (times === undefined) throw new Error("no run was watched");
  const { pointsBefore, seconds } = times[phase];
  forgetPoints(host);
  const delay = (part * seconds).toFixed(3);
  const argv = ["sh", "-c", KILL_AFTER, POINTS_LOG, String(pointsBefore), delay, ...UPDATE];
  const { exitCode } = await host.exec(argv, { env: { TESTING_FAULT_LOG: POINTS_LOG } });
  if (exitCode === KILLED) return phaseWhenKilled(pointsPassed(host));
  expect(exitCode).toBe(0);
  return "over";
}
