import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Strike } from "../../src/platform/fault-point.ts";
import type { Fault, FaultBench, Outcome } from "./bench-host.ts";
import type { Command } from "./scenarios.ts";

/** A run, and the points that it passed: `link:after:/usr/local/bin/tsh`. */
export interface LoggedRun extends Outcome {
  points: readonly string[];
}

/** Runs the command over `root`, struck by `faults`. */
export async function runLogged(
  bench: FaultBench,
  root: string,
  command: Command,
  faults: readonly Fault[] = [],
): Promise<LoggedRun> {
  const log = pointsLog(bench);
  rmSync(log, { force: true });
  const outcome = await bench.run(root, command, faults, log);
  return { ...outcome, points: existsSync(log) ? readFileSync(log, "utf8").split("\n").slice(0, -1) : [] };
}

/** Where the points of a logged run go. */
export function pointsLog({ scratch }: Pick<FaultBench, "scratch">): string {
  return join(scratch, "points");
}

/** What a program ended by SIGKILL leaves as its exit code. */
export const KILLED = 137;

/** How a strike that does not kill shows in what a run says. */
const SAID = {
  error: "struck at",
  "no-space": "no space left at",
  "io-error": "input/output error at",
} as const satisfies Record<Exclude<Strike, "kill">, string>;

/** What harms nobody when it fails is made by this line of the log, and the run goes on. */
const BORNE = /WARN .*Unable to clean up\./;

/**
 * Why a run does not show that the strike fell at `point`; undefined when it does. A run that nothing befell keeps every
 * promise, so it must not pass for one that was struck.
 */
export function missedStrike({ index, strike }: Fault, point: string, run: LoggedRun): string | undefined {
  const { exitCode, stderr, points } = run;
  const passed = points[index];
  if (passed === undefined) return `it passed ${points.length} points, and was to be struck at number ${index}`;
  if (ofEveryRun(passed) !== ofEveryRun(point)) return `it was to be struck at ${point}, and passed ${passed} there`;
  if (strike === "kill") {
    if (exitCode !== KILLED) return `it was to be killed, and ended with exit code ${exitCode}`;
    return points.length === index + 1 ? undefined : "it went on after it was killed";
  }
  const words = `${SAID[strike]} ${point.split(":").slice(0, 2).join(":")}`;
  const line = stderr.split("\n").find((text) => text.includes(words));
  if (line === undefined) return `it does not say that it was ${words}`;
  return exitCode === 0 && !BORNE.test(line) ? "it went on as if nothing had befallen it" : undefined;
}

/** What is moved aside gets a name by chance. */
function ofEveryRun(point: string): string {
  return point.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<=[-.])[0-9a-f]{8}\b/g, "…");
}
