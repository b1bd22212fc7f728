import { parseArgs } from "node:util";
import { type Fault, type FaultBench, openFaultBench } from "../test/faults/bench-host.ts";
import type { Event } from "../test/faults/operations.ts";
import { countChanges, findHasty, findOutsiders, findPuttingBack } from "../test/faults/outsiders.ts";
import { cutPower, type Undisturbed, type Watched } from "../test/faults/power-cut.ts";
import { SCENARIOS, type Scenario } from "../test/faults/scenarios.ts";
import { KILLED, missedStrike, runLogged } from "../test/faults/strikes.ts";
import { type Disturbance, traceRun } from "../test/faults/traced-run.ts";

/**
 * `npm run faults:trace`: watches every call by which a run changes the file system, when it succeeds, when it fails and
 * puts the host back, and when it puts back what a killed one began. Nothing may go around the transaction; and when the
 * power goes after any of the calls, with what was not synced lost in the worst order, every link must lead into a
 * complete version, and the next run must end where an undisturbed one does. `--sample` takes a few of the calls in a few
 * of the scenarios; `--only TEXT` takes the scenarios with that text in their name.
 */
const { values: options } = parseArgs({
  options: { sample: { type: "boolean", default: false }, only: { type: "string", default: "" } },
});

/** In a sample the power goes in these scenarios only, ... */
const POWER_LOST = ["enable, fresh host", "update", "update that frees the backup"];
/** ... these are put back, ... */
const PUT_BACK = ["enable over programs by hand", "update"];
/** ... and so many calls lie between two cuts. */
const SAMPLE_STEP = 5;
/** How often a run is killed, evenly spread over its syncs; and a run that is putting the host back. */
const KILLS = options.sample ? 2 : 6;

let passed = 0;
let failed = 0;

await main();

async function main(): Promise<void> {
  await using bench = await openFaultBench();
  for (const scenario of SCENARIOS.filter(({ name }) => name.includes(options.only))) {
    const start = await bench.prepare(scenario);
    const trees = { start, end: await bench.copy(start) };
    const syncs = await watchSuccess(bench, scenario, trees);
    if (options.sample && !PUT_BACK.includes(scenario.name)) continue;
    const points = await strikingPoints(bench, scenario, trees);
    for (const point of options.sample ? points.slice(-1) : points) {
      const events = await watchRollBack(bench, scenario, trees, point);
      if (point === points.at(-1)) await watchRecoveries(bench, scenario, trees, syncs, { point, events });
    }
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

/** Makes the undisturbed end of the trees, and answers how many syncs that takes. */
async function watchSuccess(bench: FaultBench, scenario: Scenario, trees: Undisturbed): Promise<number> {
  const { exitCode, stderr, events } = await traceRun(bench, trees.end, scenario.command);
  if (exitCode !== 0) throw new Error(`${scenario.name} fails by itself:\n${stderr}`);
  const changes = countChanges(events);
  const outsiders = findOutsiders(events);
  report(changes === 0 ? "no change was logged" : outsiders[0], `${scenario.name}, around the transaction`);
  report(findHasty(events)[0], `${scenario.name}, before its journal was on the disk`);
  console.log(`${scenario.name}: ${events.length} calls, ${changes} changes, ${outsiders.length} outside of them`);
  if (!options.sample || POWER_LOST.includes(scenario.name)) {
    await watchPower(bench, scenario, trees, {
      name: scenario.name,
      events,
      from: 0,
      to: events.length,
      isPutBack: false,
    });
  }
  return countSyncs(events);
}

interface Point {
  index: number;
  name: string;
}

/** Where a run is made to fail: after the last change of each kind, and right before the commit. */
async function strikingPoints(bench: FaultBench, { command }: Scenario, { start }: Undisturbed): Promise<Point[]> {
  const { points: names } = await runLogged(bench, await bench.copy(start), command);
  const points = names.slice(0, names.indexOf("commit:before") + 1).map((name, index) => ({ name, index }));
  const after = points.flatMap((point) => {
    const kind = /^(.+):after/.exec(point.name)?.[1];
    return kind === undefined ? [] : [[kind, point] as const];
  });
  return [...new Map(after).values(), ...points.slice(-1)];
}

/** Answers what a run that failed there did and said. */
async function watchRollBack(
  bench: FaultBench,
  scenario: Scenario,
  trees: Undisturbed,
  point: Point,
): Promise<Event[]> {
  const name = `${scenario.name}, failed at ${point.name}`;
  const root = await bench.copy(trees.start);
  const run = await traceRun(bench, root, scenario.command, { fault: failing(point) });
  const { events } = run;
  report(missedStrike(failing(point), point.name, run), name);
  const putting = findPuttingBack(events);
  // As after the removal of an old version, which comes before the first change that has an undo.
  if (putting === undefined && !events.some(isOfJournal)) return events;
  report(putting === undefined ? "the host was not put back" : undefined, name);
  if (putting !== undefined) {
    report(findOutsiders(events.slice(putting.from))[0], `${name}, beside what is undone`);
    const watched = { name, events, from: putting.from, to: events.length, isPutBack: true };
    await watchPower(bench, scenario, trees, watched);
  }
  return events;
}

function isOfJournal(event: Event): boolean {
  return event.kind === "write" && event.path.endsWith("/update.journal");
}

function failing({ index }: Point): Fault {
  return { index, strike: "error" };
}

/** Kills runs at their syncs, so that what they did last is not on the disk yet; `unsuccessful` is one that put the host back. */
async function watchRecoveries(
  bench: FaultBench,
  scenario: Scenario,
  trees: Undisturbed,
  syncs: number,
  unsuccessful: { point: Point; events: readonly Event[] },
): Promise<void> {
  const kills: Disturbance[] = spread(1, syncs).map((killAtSync) => ({ killAtSync }));
  const { from = 0, to = 0 } = findPuttingBack(unsuccessful.events) ?? {};
  const [first, last] = [from, to].map((place) => countSyncs(unsuccessful.events.slice(0, place)));
  for (const killAtSync of spread((first ?? 0) + 1, last ?? 0))
    kills.push({ fault: failing(unsuccessful.point), killAtSync });
  let recovered = 0;
  for (const kill of kills) recovered += await watchRecovery(bench, scenario, trees, kill);
  report(recovered === 0 ? "no kill left anything to put back" : undefined, `${scenario.name}, killed`);
}

/** Answers how many runs had something to put back: one or none. */
async function watchRecovery(
  bench: FaultBench,
  scenario: Scenario,
  trees: Undisturbed,
  disturbance: Disturbance,
): Promise<number> {
  const root = await bench.copy(trees.start);
  const killed = await traceRun(bench, root, scenario.command, disturbance);
  const name = `${scenario.name}, killed at sync ${disturbance.killAtSync}${disturbance.fault ? " of its roll back" : ""}`;
  report(killed.exitCode === KILLED ? undefined : `it ended with exit code ${killed.exitCode} instead`, name);
  const next = await traceRun(bench, root, scenario.command);
  report(next.exitCode === 0 ? undefined : `the next run fails: ${next.stderr.trim().slice(-300)}`, name);
  const putting = findPuttingBack(next.events);
  if (putting === undefined) return 0;
  report(findOutsiders(next.events.slice(0, putting.to))[0], `${name}, beside what is undone`);
  const [from, to] = [killed.events.length, killed.events.length + putting.to];
  await watchPower(bench, scenario, trees, {
    name,
    events: [...killed.events, ...next.events],
    from,
    to,
    isPutBack: true,
  });
  return 1;
}

async function watchPower(bench: FaultBench, scenario: Scenario, trees: Undisturbed, watched: Watched): Promise<void> {
  const started = performance.now();
  const { instants, disks } = await cutPower(bench, scenario, trees, watched, options.sample ? SAMPLE_STEP : 1);
  for (const { where, problem } of disks) report(problem, where);
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(
    `${watched.name}: power lost at ${instants} instants, ${disks.length} different disks tried, ${seconds} s`,
  );
}

/** What is left in staging is synced by other threads, each with a count of its own. */
function countSyncs(events: readonly Event[]): number {
  return events.filter((event) => event.kind === "sync" && event.call === "fsync").length;
}

/** `KILLS` whole numbers between the two, at equal distances. */
function spread(first: number, last: number): number[] {
  const step = (last - first) / (KILLS + 1);
  return [...new Set(Array.from({ length: KILLS }, (_, index) => Math.round(first + (index + 1) * step)))];
}

function report(problem: string | undefined, where: string): void {
  if (problem === undefined) passed += 1;
  else {
    failed += 1;
    console.log(`FAILED ${where}: ${problem}`);
  }
}
