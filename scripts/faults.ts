import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { STRIKES, type Strike } from "../src/platform/fault-point.ts";
import { brokenPromises, differenceOf, type FaultBench, openFaultBench, shapeOf } from "../test/faults/bench-host.ts";
import { PLACES } from "../test/faults/places.ts";
import { SCENARIOS, type Scenario } from "../test/faults/scenarios.ts";

/**
 * `npm run faults`: strikes a run at every point between two of its changes, in every way, then runs the command again and
 * looks: at no instant may a link lead into something incomplete, a struck run that could still act must have put
 * everything back, and the second run must end where an undisturbed one does. `--sample` strikes fewer times, `--only TEXT`
 * takes the scenarios with that text in their name.
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
  const start = await bench.prepare(scenario);
  const startShape = shapeOf(start);

  const undisturbed = await bench.copy(start);
  const log = join(bench.scratch, "points");
  rmSync(log, { force: true });
  const reference = await bench.run(undisturbed, scenario.command, undefined, log);
  if (reference.exitCode !== 0) throw new Error(`${scenario.name} fails by itself:\n${reference.stderr}`);
  const points = readFileSync(log, "utf8").trimEnd().split("\n");
  const endShape = shapeOf(undisturbed);

  let count = 0;
  for (const [index, point] of points.entries()) {
    seen.add(point.split(":")[0] ?? "");
    for (const strike of strikesAt(index, points.length)) {
      // What is removed for good is removed after the commit: nothing is left that could be put back.
      if (strike !== "kill" && (point === "commit:after" || point.startsWith("remove:"))) continue;
      const root = await bench.copy(start);
      const problem = await strikeOnce(bench, scenario, root, { index, strike }, startShape, endShape);
      rmSync(root, { recursive: true });
      count += 1;
      if (problem === undefined) passed += 1;
      else failures.push(`${scenario.name}, ${strike} at ${index} (${point}): ${problem}`);
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

async function strikeOnce(
  bench: FaultBench,
  scenario: Scenario,
  root: string,
  fault: { index: number; strike: Strike },
  startShape: readonly string[],
  endShape: readonly string[],
): Promise<string | undefined> {
  const struck = await bench.run(root, scenario.command, fault);
  const promises = brokenPromises(root);
  if (promises.length > 0) return `a promise is broken at once: ${promises.join("; ")}`;
  if (fault.strike !== "kill" && struck.exitCode !== 0) {
    const mustStay = (line: string) => !scenario.mayLose?.test(line);
    const difference = differenceOf(startShape.filter(mustStay), shapeOf(root).filter(mustStay));
    if (difference !== undefined) return `not put back: ${difference}`;
  }
  const again = await bench.run(root, scenario.command);
  if (again.exitCode !== 0) return `the next run fails: ${again.stderr.trim().split("\n").at(-1)?.slice(0, 300)}`;
  const difference = differenceOf(endShape, shapeOf(root));
  return difference === undefined ? undefined : `the next run ends elsewhere: ${difference}`;
}
