import { parseArgs } from "node:util";
import { STRIKES, type Strike } from "../src/platform/fault-point.ts";
import { type FaultBench, openFaultBench } from "../test/faults/bench-host.ts";
import { PLACES } from "../test/faults/places.ts";
import { SCENARIOS, type Scenario } from "../test/faults/scenarios.ts";
import { leaveUndisturbed, strike } from "./faults/struck-host.ts";

/**
 * `npm run faults`: strikes a run at every point between two of its changes, in every way, then runs the command again and
 * looks: at no instant may a link lead into something incomplete, or be missing, a struck run that could still act must
 * have put everything back, and the second run must end where an undisturbed one does. `--sample` strikes fewer times, `--only TEXT` takes the scenarios with that text in their
 * name.
 */
const { values: options } = parseArgs({
  options: { sample: { type: "boolean", default: false }, only: { type: "string", default: "" } },
});

/** A run with fewer points is struck at each of them, in a sample too. */
const SHORT_RUN = 40;

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
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(`${scenario.name}: ${points.length} points, ${count} strikes, ${seconds} s`);
}

/** A sample kills at every point of a short run and at every third of a long one, and strikes otherwise at every fifth. */
function strikesAt(index: number, count: number): Strike[] {
  if (!options.sample) return [...STRIKES];
  const others = STRIKES.filter((strike) => strike !== "kill");
  const isKilled = count < SHORT_RUN || index % 3 === 0;
  const other = index % 5 === 0 ? others[(index / 5) % others.length] : undefined;
  return [...(isKilled ? (["kill"] as const) : []), ...(other === undefined ? [] : [other])];
}
