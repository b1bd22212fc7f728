import { expect } from "bun:test";
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Strike } from "../../../src/platform/fault-point.ts";
import { UPDATER_NAME } from "../../../src/settings/namespace.ts";
import { eventually } from "./eventually.ts";
import { type Outcome, outcomeOf, type UpdaterHost } from "./updater-host.ts";

/** What a program ended by SIGKILL leaves as its exit code. */
export const KILLED = 137;
/** On the disk of the host, where the test sees it too. */
export const POINTS_LOG = "/srv/points";
const VERSIONS = "/opt/teleport/default/versions";
const LINKS = "/usr/local/bin";

/** A run of the testing build, and the points that it passed: `link:after`. */
export interface LoggedRun extends Outcome {
  points: string[];
}

/** Runs a program of the host that knows fault points. */
export async function runLogged(
  host: UpdaterHost,
  argv: readonly string[],
  env: Record<string, string> = {},
): Promise<LoggedRun> {
  forgetPoints(host);
  const outcome = outcomeOf(await host.exec(argv, { env: { ...env, TESTING_FAULT_LOG: POINTS_LOG } }));
  return { ...outcome, points: pointsPassed(host) };
}

/** As `runLogged`, of a run that nobody disturbs: fails, with all that it said, when it does. */
export async function runUndisturbed(host: UpdaterHost, argv: readonly string[]): Promise<LoggedRun> {
  const run = await runLogged(host, argv);
  if (run.exitCode === 0) return run;
  throw new Error(`\`${argv.join(" ")}\` ended with exit code ${run.exitCode}:\n${run.stderr}`);
}

/** Strikes a run at the first `point`, given what an undisturbed one passes; fails unless the strike fell there. */
export async function strikeAt(
  host: UpdaterHost,
  argv: readonly string[],
  undisturbed: readonly string[],
  point: string,
  strike: Strike,
): Promise<LoggedRun> {
  expect(undisturbed).toContain(point);
  const index = undisturbed.indexOf(point);
  const run = await runLogged(host, argv, { TESTING_FAULT: `${index}:${strike}` });
  expect(run.points[index]).toBe(point);
  return run;
}

/** What brings a program into the host stops with it, unless there is something in between. */
const BEHIND_A_SHELL = '"$0" "$@" & wait $!';

/** A run that stands still. */
export interface StoppedRun {
  goOn(): Promise<Outcome>;
}

/** Starts a run that stops at the n-th point, given as the log has it, with its path; fails unless it stands there. */
export async function stopAt(
  host: UpdaterHost,
  argv: readonly string[],
  index: number,
  point: string,
): Promise<StoppedRun> {
  forgetPoints(host);
  const run = host.exec(["sh", "-c", BEHIND_A_SHELL, ...argv], {
    env: { TESTING_FAULT: `${index}:stop`, TESTING_FAULT_LOG: POINTS_LOG },
  });
  await eventually("the run stands still", async () =>
    (await host.exec(["ps", "-o", "stat=", "-C", UPDATER_NAME])).stdout.includes("T"),
  );
  expect(pathsPassed(host).at(-1)).toBe(point);
  return {
    async goOn() {
      await host.exec(["pkill", "-CONT", "-x", UPDATER_NAME]);
      return outcomeOf(await run);
    },
  };
}

/** So that what the log says is of the next run alone. */
export function forgetPoints(host: UpdaterHost): void {
  rmSync(join(host.directory, POINTS_LOG), { force: true });
}

/** What the run since then has passed, without the paths that points may carry; empty before the first one. */
export function pointsPassed(host: UpdaterHost): string[] {
  return pathsPassed(host).map((line) => line.split(":").slice(0, 2).join(":"));
}

/** As `pointsPassed`, with their paths. */
export function pathsPassed(host: UpdaterHost): string[] {
  const log = join(host.directory, POINTS_LOG);
  if (!existsSync(log)) return [];
  return readFileSync(log, "utf8")
    .split("\n")
    .filter((line) => line !== "");
}

/** The promise at any instant: every link of ours leads into a version with its digest. */
export function expectLinksWhole(host: UpdaterHost): void {
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
