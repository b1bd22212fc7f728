import { rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { type FaultBench, openFaultBench } from "../test/faults/bench-host.ts";
import { PHASES, type Phase, phaseAfter } from "../test/faults/phases.ts";
import { freshSeed, randomFrom } from "../test/support/seeded-random.ts";
import { freshHost, problemAfterKill, ROUND } from "./random-kills/round-host.ts";
import { aimInto, type Timeline, timelineOf } from "./random-kills/timeline.ts";
import { watchRun } from "./random-kills/watched-run.ts";
import { summary } from "./steps.ts";

/**
 * `npm run faults:random`: one host goes round three releases again and again, and each run is killed at a random time.
 * At once, every link must lead into a complete version; after the next run, which is left alone, the host must look as
 * one that was never disturbed. Each kill is aimed at a random moment of the phase that was struck least so far, as most
 * phases last but milliseconds. Prints the seed, and in which phases the kills fell. `--count N` kills at least, `--seed N`
 * repeats them as far as the clock allows.
 */
const { values: options } = parseArgs({
  options: { count: { type: "string", default: "300" }, seed: { type: "string", default: freshSeed() } },
});

/**
 * From so many kills on, each of these phases must be struck so often. A busy machine sees points late, so that kills fall
 * later than they were meant to: then there are more of them, up to a limit.
 */
const MANY_KILLS = 300;
const MOST_PER_WANTED_KILL = 2;
const WANTED: Partial<Record<Phase, number>> = { links: 30, units: 30, configuration: 30 };
/** Those are aimed at so many times as often as others: where a kill falls is up to the clock in the end. */
const PREFERENCE = 2;

const ROUNDS_TO_LEARN = 2;
/** What else the machine does changes how long things take. Whole rounds. */
const TURNS_UNTIL_LEARNED_AGAIN = 60;
const KILLS_UNTIL_HEARD_OF = 250;

interface Kill {
  phase: Phase;
  /** Undefined when the promises held. */
  problem: string | undefined;
}

await main();

async function main(): Promise<void> {
  const count = Number(options.count);
  console.log(`seed ${options.seed}`);
  const random = randomFrom(Number(options.seed));
  await using bench = await openFaultBench();
  let host = await freshHost(bench);
  let timeline = await learn(bench, host.root);
  console.log(describeTimes(timeline));

  const kills: Kill[] = [];
  const late: Phase[] = [];
  for (let turn = 0; !isEnough(kills, count); turn += 1) {
    const move = ROUND[turn % ROUND.length];
    if (move === undefined || late.length > count * MOST_PER_WANTED_KILL)
      throw new Error("most runs are over before their kill comes");
    if (turn > 0 && turn % TURNS_UNTIL_LEARNED_AGAIN === 0) timeline = await learn(bench, host.root);
    const phase = leastAimedAt(timeline, kills, late);
    const aim = aimInto(timeline, phase, random());
    const run = await watchRun(bench, host.root, move, aim);
    if (!run.isKilled && run.exitCode !== 0) throw new Error(`a run fails by itself:\n${run.stderr}`);
    if (!run.isKilled) {
      late.push(phase);
      continue;
    }
    const found = await problemAfterKill(bench, host, move);
    const where = `${aim.delayMs.toFixed(1)} ms after point ${aim.points} of a move to ${move.wants}`;
    const problem = found && `kill ${kills.length}, ${where}, last point ${run.points.at(-1) ?? "none"}: ${found}`;
    kills.push({ phase: phaseAfter(run.points), problem });
    if (kills.length % KILLS_UNTIL_HEARD_OF === 0) console.log(`${kills.length} kills so far`);
    if (problem === undefined) continue;
    // One broken host is one failure.
    rmSync(host.root, { recursive: true });
    host = await freshHost(bench);
    turn = -1;
  }
  report(timeline, kills, late);
}

function isEnough(kills: readonly Kill[], count: number): boolean {
  if (kills.length < count) return false;
  return count < MANY_KILLS || missingKills(kills).length === 0 || kills.length >= count * MOST_PER_WANTED_KILL;
}

function report({ phases }: Timeline, kills: readonly Kill[], late: readonly Phase[]): void {
  for (const phase of new Set(phases)) console.log(`${String(countIn(phase, kills)).padStart(5)}  ${phase}`);
  if (late.length > 0) console.log(`${late.length} more runs were over before their kill came`);
  const failures = kills.flatMap(({ problem }) => problem ?? []);
  const thin = kills.length < MANY_KILLS ? [] : missingKills(kills);
  for (const failure of [...failures, ...thin]) console.log(`FAILED ${failure}`);
  console.log(summary({ passed: kills.length - failures.length, failed: failures.length + thin.length }));
  process.exitCode = failures.length + thin.length === 0 ? 0 : 1;
}

async function learn(bench: FaultBench, root: string): Promise<Timeline> {
  const runs = [];
  for (let round = 0; round < ROUNDS_TO_LEARN; round += 1) {
    for (const move of ROUND) runs.push(await watchRun(bench, root, move));
  }
  return timelineOf(runs);
}

/** A kill that came too late counts for its phase as well: else a busy machine would aim at the last one for ever. */
function leastAimedAt({ phases }: Timeline, kills: readonly Kill[], late: readonly Phase[]): Phase {
  const counted = phases.map((phase) => {
    const aimed = countIn(phase, kills) + late.filter((one) => one === phase).length;
    return { phase, count: aimed / (phase in WANTED ? PREFERENCE : 1) };
  });
  return counted.reduce((least, other) => (other.count < least.count ? other : least)).phase;
}

function missingKills(kills: readonly Kill[]): string[] {
  return PHASES.flatMap((phase) => {
    const [wanted, struck] = [WANTED[phase] ?? 0, countIn(phase, kills)];
    return struck < wanted ? [`${phase}: struck ${struck} times, and ${wanted} are wanted`] : [];
  });
}

function countIn(phase: Phase, kills: readonly Kill[]): number {
  return kills.filter((kill) => kill.phase === phase).length;
}

function describeTimes({ gaps, phases }: Timeline): string {
  const times = [...new Set(phases)].map((phase) => {
    const total = gaps.reduce((sum, gap, index) => (phases[index] === phase ? sum + gap : sum), 0);
    return `${phase} ${total.toFixed(1)}`;
  });
  return `milliseconds of an undisturbed run: ${times.join(", ")}`;
}
