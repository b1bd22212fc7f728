import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ERROR_CODES } from "../../src/platform/errors.ts";
import { hostFiles } from "../../src/platform/host-files.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { readHistory } from "../../src/update/history.ts";
import { brokenPromises, differenceOf, type FaultBench, type Outcome, openFaultBench, shapeOf } from "./bench-host.ts";
import { type Command, NEW, OLD, type Scenario } from "./scenarios.ts";
import { damagedVersions } from "./whole-versions.ts";

const CROWD = 50;
const RACES = 3;
/** To remove them takes longer than a command needs to get to the lock. */
const BALLAST_FILES = 30_000;
const TIME_LIMIT_MS = 300_000;

const enable = (wants: string): Command => ({ wants, args: ["enable"] });
/** As `enable`, where an uninstallation took the setting that names the cluster's authority. */
const enableAnew = (root: string): Command => ({
  wants: NEW,
  args: ["enable", "--ca-file", join(root, "etc/ca.pem")],
});
const updateTo = (wants: string): Command => ({ wants, args: ["update", "--now"] });
const uninstall: Command = { wants: NEW, args: ["uninstall", "--force"] };

const enrolled: Scenario = {
  name: "a crowd",
  start: [{ wants: OLD, args: ["link-package"] }, enable(OLD), updateTo(NEW)],
  hasPackage: true,
  command: updateTo(NEW),
};
/** No package lies here, so that an uninstallation leaves nothing of Teleport. */
const alone: Scenario = { name: "a race", start: [enable(OLD)], command: updateTo(NEW) };
const packaged: Scenario = {
  name: "scripts of packages",
  start: [],
  hasPackage: true,
  command: { wants: OLD, args: ["link-package"] },
};
const SCRIPTS = ["first", "second", "third"];

let bench: FaultBench;
beforeAll(async () => {
  bench = await openFaultBench();
}, 120_000);
afterAll(() => bench?.[Symbol.asyncDispose]());

test(
  `${CROWD} commands at once: none hangs, none fails without a code, and the next ones end where they always do`,
  async () => {
    const mixed: Command[] = [
      { wants: NEW, args: ["status"] },
      updateTo(OLD),
      enable(NEW),
      { wants: NEW, args: ["disable"] },
      { wants: OLD, args: ["pin"] },
      { wants: NEW, args: ["unpin"] },
      { wants: NEW, args: ["link-package"] },
      { wants: NEW, args: ["unlink-package"] },
      updateTo(NEW),
    ];
    const root = await bench.prepare(enrolled);
    const crowd = Array.from({ length: CROWD }, (_, index) => mixed[index % mixed.length] ?? updateTo(NEW));
    const before = movesOf(root).length;
    const outcomes = await Promise.all(crowd.map((command) => bench.run(root, command)));
    expect(outcomes.map(troubleOf).filter((trouble) => trouble !== undefined)).toEqual([]);
    expect(brokenPromises(root)).toEqual([]);
    // They met: some brought the host to one version, and others to the other.
    expect(new Set(movesOf(root).slice(before))).toEqual(new Set([OLD, NEW]));

    // Whatever the crowd left switched off or pinned.
    const settling = [enable(NEW), { wants: NEW, args: ["unpin"] }, updateTo(NEW)];
    const undisturbed = await bench.prepare(enrolled);
    for (const command of settling) {
      await succeed(root, command);
      await succeed(undisturbed, command);
    }
    const [expected, found] = [undisturbed, root].map((tree) => shapeOf(tree, "without outcomes"));
    expect(differenceOf(expected ?? [], found ?? [])).toBeUndefined();
    expect(await damagedVersions(root)).toEqual([]);
  },
  TIME_LIMIT_MS,
);

test(
  "two updates, an enrolment and an uninstallation at once: the host ends uninstalled, or enrolled and whole",
  async () => {
    const start = await bench.prepare(alone);
    const uninstalled = await bench.copy(start);
    await succeed(uninstalled, uninstall);
    const enrolledAnew = await bench.copy(uninstalled);
    await succeed(enrolledAnew, enableAnew(enrolledAnew));
    const ends = [uninstalled, enrolledAnew].map((tree) => shapeOf(tree, "without outcomes"));

    for (let race = 0; race < RACES; race += 1) {
      const root = await bench.copy(start);
      const racers = [updateTo(NEW), uninstall, enableAnew(root), updateTo(NEW)];
      const outcomes = await Promise.all(racers.map((command) => bench.run(root, command)));
      expect(outcomes.map(troubleOf).filter((trouble) => trouble !== undefined)).toEqual([]);
      expect(brokenPromises(root)).toEqual([]);
      const differences = ends.map((end) => differenceOf(end, shapeOf(root, "without outcomes")));
      expect(differences).toContain(undefined);
      expect(await damagedVersions(root)).toEqual([]);
    }
  },
  TIME_LIMIT_MS,
);

test(
  "the scripts of several packages at once: the programs are linked, and none fails",
  async () => {
    const start = await bench.prepare(packaged);
    const linked = await bench.copy(start);
    await succeed(linked, packaged.command);
    for (let race = 0; race < RACES; race += 1) {
      const root = await bench.copy(start);
      const outcomes = await Promise.all(SCRIPTS.map(() => bench.run(root, packaged.command)));
      expect(outcomes.map(({ exitCode }) => exitCode)).toEqual(SCRIPTS.map(() => 0));
      expect(differenceOf(shapeOf(linked), shapeOf(root))).toBeUndefined();
    }
  },
  TIME_LIMIT_MS,
);

test(
  "an enrolment that comes while an uninstallation removes the namespace begins when that is over",
  async () => {
    const root = await bench.prepare(alone);
    const namespace = join(root, "opt/teleport/default");
    const ballast = join(namespace, "versions", OLD, "ballast");
    mkdirSync(ballast);
    for (let file = 0; file < BALLAST_FILES; file += 1) writeFileSync(join(ballast, `${file}`), "");

    const uninstalling = bench.run(root, uninstall);
    while (existsSync(join(namespace, "update.yaml")) && existsSync(join(namespace, "update.lock"))) await Bun.sleep(1);
    const outcomes = await Promise.all([uninstalling, bench.run(root, enableAnew(root))]);
    expect(outcomes.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    expect(brokenPromises(root)).toEqual([]);

    const undisturbed = await bench.prepare(alone);
    await succeed(undisturbed, uninstall);
    await succeed(undisturbed, enableAnew(undisturbed));
    expect(differenceOf(shapeOf(undisturbed), shapeOf(root))).toBeUndefined();
  },
  TIME_LIMIT_MS,
);

/** The versions that the host came to, one after the other. */
function movesOf(root: string): (string | undefined)[] {
  return readHistory(hostFiles(root), namespaceFor(""))
    .filter(({ outcome, from, to }) => outcome === "done" && from !== to)
    .map(({ to }) => to);
}

/** What no run may come to: an exit code that nobody knows, or a failure without a code or with a defect's. */
function troubleOf({ exitCode, stderr }: Outcome): string | undefined {
  if (exitCode === 0) return undefined;
  const code = /\bcode:(E_\w+)/.exec(stderr)?.[1];
  const isKnown = code !== undefined && code in ERROR_CODES && code !== "E_INTERNAL";
  return exitCode === 1 && isKnown ? undefined : `exit code ${exitCode}:\n${stderr}`;
}

async function succeed(root: string, command: Command): Promise<void> {
  const { exitCode, stderr } = await bench.run(root, command);
  if (exitCode !== 0) throw new Error(`\`${command.args.join(" ")}\` failed:\n${stderr}`);
}
