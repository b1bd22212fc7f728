import { rmSync } from "node:fs";
import {
  brokenPromises,
  differenceOf,
  type Fault,
  type FaultBench,
  lastingLinks,
  shapeOf,
} from "../../test/faults/bench-host.ts";
import type { Scenario } from "../../test/faults/scenarios.ts";
import { type LoggedRun, missedStrike, runLogged } from "../../test/faults/strikes.ts";
import { damagedVersions } from "../../test/faults/whole-versions.ts";

/** A scenario, and what becomes of its host when nobody disturbs it. */
export interface Undisturbed {
  scenario: Scenario;
  /** The tree before the command. */
  start: string;
  startShape: readonly string[];
  endShape: readonly string[];
  /** Links that are there before and after. */
  lasting: readonly string[];
  /** What the run passes, in order. */
  points: readonly string[];
}

export async function leaveUndisturbed(bench: FaultBench, scenario: Scenario): Promise<Undisturbed> {
  const start = await bench.prepare(scenario);
  const end = await bench.copy(start);
  const { exitCode, stderr, points } = await runLogged(bench, end, scenario.command);
  if (exitCode !== 0) throw new Error(`${scenario.name} fails by itself:\n${stderr}`);
  const [startShape, endShape] = [shapeOf(start, "without outcomes"), shapeOf(end)];
  return { scenario, start, startShape, endShape, lasting: lastingLinks(start, end), points };
}

/**
 * Strikes a run on a fresh copy of the host, the last of `faults` at `point`, and lets the next one go on. Answers the first
 * promise that does not hold, or that the strike did not fall.
 */
export async function strike(
  bench: FaultBench,
  undisturbed: Undisturbed,
  faults: readonly Fault[],
  point: string,
): Promise<string | undefined> {
  const { scenario, start, endShape, lasting } = undisturbed;
  const root = await bench.copy(start);
  try {
    const struck = await runLogged(bench, root, scenario.command, faults);
    const fault = faults.at(-1);
    const missed = fault && missedStrike(fault, point, struck);
    if (missed !== undefined) return missed;
    const promises = brokenPromises(root, lasting);
    if (promises.length > 0) return `a promise is broken at once: ${promises.join("; ")}`;
    const left = fault?.strike === "kill" ? undefined : differenceLeft(undisturbed, root, struck);
    if (left !== undefined) return `not put back: ${left}`;
    const again = await bench.run(root, scenario.command);
    if (again.exitCode !== 0) return `the next run fails: ${again.stderr.trim().split("\n").at(-1)?.slice(0, 300)}`;
    const difference = differenceOf(endShape, shapeOf(root));
    if (difference !== undefined) return `the next run ends elsewhere: ${difference}`;
    return (await damagedVersions(root))[0];
  } finally {
    rmSync(root, { recursive: true });
  }
}

/** A run that could still act, and failed, has put everything back by itself. */
function differenceLeft({ scenario, startShape }: Undisturbed, root: string, struck: LoggedRun): string | undefined {
  if (struck.exitCode === 0) return undefined;
  const mustStay = (line: string) => !scenario.mayLose?.test(line);
  return differenceOf(startShape.filter(mustStay), shapeOf(root, "without outcomes").filter(mustStay));
}
