import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { brokenPromises, differenceOf, type FaultBench, openFaultBench, shapeOf } from "../test/faults/bench-host.ts";
import { NEW, OLD, SCENARIOS, type Scenario } from "../test/faults/scenarios.ts";

/**
 * `npm run faults:random`: one host moves between two releases again and again, and each run is killed after a random time.
 * At once, every link must lead into a complete version; after the next run, which is left alone, the host must look as
 * one that was never disturbed. Prints the seed, and where the kills fell. `--count N` kills, `--seed N` repeats them.
 */
const { values: options } = parseArgs({
  options: { count: { type: "string", default: "300" }, seed: { type: "string", default: String(Date.now() % 1e9) } },
});

/** Kills may come a little after the run's end, too. */
const REACH = 1.1;
const RUNS_TO_TIME = 5;

await main();

async function main(): Promise<void> {
  console.log(`seed ${options.seed}`);
  const random = randomFrom(Number(options.seed));
  await using bench = await openFaultBench();
  const root = await bench.prepare(startOf(SCENARIOS));
  const moves = [NEW, OLD].map((wants) => ({ wants, args: ["update", "--now"] }));
  const shapes = await shapesAfter(bench, root, moves);
  const millisecondsOfRun = await timeOf(bench, root, moves);
  console.log(`a run takes ${millisecondsOfRun.toFixed(0)} ms`);

  const phases = new Map<string, number>();
  const failures: string[] = [];
  for (let count = 0; count < Number(options.count); count += 1) {
    const move = moves[count % moves.length] ?? moves[0];
    if (move === undefined) break;
    const log = join(bench.scratch, "passed");
    rmSync(log, { force: true });
    const after = random() * millisecondsOfRun * REACH;
    await bench.run(root, move, { killAfterMs: after }, log);
    const phase = lastPoint(log);
    phases.set(phase, (phases.get(phase) ?? 0) + 1);
    const broken = brokenPromises(root);
    const { exitCode, stderr } = await bench.run(root, move);
    const difference = differenceOf(shapes.get(move.wants) ?? [], shapeOf(root));
    const problem = broken[0] ?? (exitCode === 0 ? difference : stderr.trim().split("\n").at(-1));
    if (problem !== undefined)
      failures.push(`kill ${count}, ${after.toFixed(0)} ms into a move to ${move.wants}, ${phase}: ${problem}`);
  }
  for (const [phase, count] of [...phases].sort(([, a], [, b]) => b - a))
    console.log(`${String(count).padStart(5)}  ${phase}`);
  for (const failure of failures) console.log(`FAILED ${failure}`);
  console.log(`${Number(options.count) - failures.length} passed, ${failures.length} failed`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

/** The state from which the scenario `update` starts: enrolled, agent and bot. */
function startOf(scenarios: readonly Scenario[]): Scenario {
  const found = scenarios.find(({ name }) => name === "update");
  if (found === undefined) throw new Error("there is no scenario `update`");
  return found;
}

/** How the host looks after an undisturbed move to each version, once it has both. */
async function shapesAfter(
  bench: FaultBench,
  root: string,
  moves: readonly Scenario["command"][],
): Promise<Map<string, string[]>> {
  const shapes = new Map<string, string[]>();
  for (const move of [...moves, ...moves]) {
    await bench.run(root, move);
    shapes.set(move.wants, shapeOf(root));
  }
  return shapes;
}

async function timeOf(bench: FaultBench, root: string, moves: readonly Scenario["command"][]): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < RUNS_TO_TIME; run += 1) {
    for (const move of moves) {
      const started = performance.now();
      await bench.run(root, move);
      times.push(performance.now() - started);
    }
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
}

/** The last point that the killed run passed: `download` before the first change. */
function lastPoint(log: string): string {
  return existsSync(log) ? (readFileSync(log, "utf8").trimEnd().split("\n").at(-1) ?? "") : "before the first change";
}

/** A small generator (mulberry32), so that a seed repeats a run as far as the clock allows. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
