import { rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { STRIKES, type Strike } from "../src/platform/fault-point.ts";
import { type Fault, type FaultBench, openFaultBench } from "../test/faults/bench-host.ts";
import { PLACES } from "../test/faults/places.ts";
import { SCENARIOS, type Scenario } from "../test/faults/scenarios.ts";
import { runLogged } from "../test/faults/strikes.ts";
import { leaveUndisturbed, strike, type Undisturbed } from "./faults/struck-host.ts";

/**
 * `npm run faults`: strikes a run at every point between two of its changes, in every way, and one that fails at its end
 * while it puts the host back; then runs the command again and looks: at no instant may a link lead into something
 * incomplete, or be missing, a struck run that could still act must have put everything back, and the second run must end
 * where an undisturbed one does. `--sample` strikes fewer times, `--only TEXT` takes the scenarios with that text in their
 * name.
 */
const { values: options } = parseArgs({
  options: { sample: { type: "boolean", default: false }, only: { type: "string", default: "" } },
});

/** A run with fewer points is struck at each of them, in a sample too. */
const SHORT_RUN = 40;
/** How often a sample kills a run that puts the host back, evenly spread over what it undoes. */
const SAMPLE_UNDOS = 4;

const seen = new Set<string>();
let passed = 0;
const failures: string[] = [];

await main();

async function main(): Promise<void> {
  await using bench = await openFaultBench();
  for (const scenario of SCENARIOS.filter(({ name }) => name.includes(options.only))) await strikeAll(bench, scenario);
  const missing = Object.entries(PLACES).filter(([kind, { isUnderRoot }]) => isUnderRoot && !seen.has(kind));
  if (options.only === "") failures.push(...missing.map(([kind]) => `no scenario makes a change of the kind ${kind}`));
  for (const failure of failures) console.log(`FAILED ${failure}`);
  console.log(`${passed} passed, ${failures.length} failed`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

async function strikeAll(bench: FaultBench, scenario: Scenario): Promise<void> {
  const started = performance.now();
  const undisturbed = await leaveUndisturbed(bench, scenario);
  const { points } = undisturbed;
  let count = 0;
  const report = (problem: string | undefined, where: string) => {
    count += 1;
    if (problem === undefined) passed += 1;
    else failures.push(`${scenario.name}, ${where}: ${problem}`);
  };

  for (const [index, point] of points.entries()) {
    seen.add(point.split(":")[0] ?? "");
    for (const kind of strikesAt(index, points.length)) {
      // What is removed for good is removed after the commit: nothing is left that could be put back.
      if (kind !== "kill" && (point === "commit:after" || point.startsWith("remove:"))) continue;
      const problem = await strike(bench, undisturbed, [{ index, strike: kind }], point);
      report(problem, `${kind} at ${index} (${point})`);
    }
  }
  const undone = await pointsOfUndo(bench, undisturbed);
  if (undone.length === 0) report("nothing is undone", "error right before the commit");
  for (const { index, point } of options.sample ? spread(undone, SAMPLE_UNDOS) : undone) {
    const faults: Fault[] = [failureAtEnd(undisturbed), { index, strike: "kill" }];
    report(await strike(bench, undisturbed, faults, point), `kill while it is put back at ${index} (${point})`);
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(`${scenario.name}: ${points.length} points, ${undone.length} of an undo, ${count} strikes, ${seconds} s`);
}

/** A sample kills at every point of a short run and at every third of a long one, and strikes otherwise at every fifth. */
function strikesAt(index: number, count: number): Strike[] {
  if (!options.sample) return [...STRIKES];
  const others = STRIKES.filter((strike) => strike !== "kill");
  const isKilled = count < SHORT_RUN || index % 3 === 0;
  const other = index % 5 === 0 ? others[(index / 5) % others.length] : undefined;
  return [...(isKilled ? (["kill"] as const) : []), ...(other === undefined ? [] : [other])];
}

/** All that is undone was made before. */
function failureAtEnd({ points }: Undisturbed): Fault {
  return { index: points.indexOf("commit:before"), strike: "error" };
}

/** What a run passes that fails right before its commit, and puts the host back. */
async function pointsOfUndo(bench: FaultBench, undisturbed: Undisturbed): Promise<{ index: number; point: string }[]> {
  const root = await bench.copy(undisturbed.start);
  const { points } = await runLogged(bench, root, undisturbed.scenario.command, [failureAtEnd(undisturbed)]);
  rmSync(root, { recursive: true });
  const all = points.map((point, index) => ({ index, point }));
  return all.filter(({ point }) => /^[^:]+:undone/.test(point));
}

/** So many of the items, at equal distances. */
function spread<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  return items.filter(
    (_, index) => Math.floor((index * count) / items.length) !== Math.floor(((index - 1) * count) / items.length),
  );
}
