import { rmSync } from "node:fs";
import { join } from "node:path";
import { brokenPromises, differenceOf, type FaultBench, lastingLinks, shapeOf } from "./bench-host.ts";
import { CrashDisk, describeOperation, type Image } from "./crash-disk.ts";
import { type Event, isStaging, type Operation } from "./operations.ts";
import { HISTORY } from "./outsiders.ts";
import type { Scenario } from "./scenarios.ts";
import { damagedVersions } from "./whole-versions.ts";

/** A host of which the power is cut: the trees before and after an undisturbed run of the scenario's command. */
export interface Undisturbed {
  start: string;
  end: string;
}

/** What is watched while the power goes. */
export interface Watched {
  /** For messages. */
  name: string;
  /** All that was done and said since the start tree, by one run or by several. */
  events: readonly Event[];
  /** The power goes after calls from this place of `events` on, up to the other. */
  from: number;
  to: number;
  /** The host says at `to` that it is as it was at the start; so it must stay. */
  isPutBack: boolean;
}

/** What was found on the disks that there may be. */
export interface Findings {
  instants: number;
  /** One for each disk: undefined where all is well. */
  disks: { where: string; problem: string | undefined }[];
}

/**
 * Cuts the power after every call (after each `step`-th, in a sample), with what was not synced lost in the worst order:
 * every link must lead into a complete version, and the next run must end where an undisturbed one does.
 */
export async function cutPower(
  bench: FaultBench,
  scenario: Scenario,
  trees: Undisturbed,
  watched: Watched,
  step: number,
): Promise<Findings> {
  const { images, instants } = possibleDisks(trees, watched, step);
  const { start, end } = trees;
  const expected: Expected = {
    start: shapeOf(start, "without outcomes"),
    end: shapeOf(end),
    lasting: lastingLinks(start, end),
  };
  const disks: Findings["disks"] = [];
  const left = images.values();
  const work = async (_: unknown, worker: number) => {
    const root = join(bench.scratch, `after-crash-${worker}`);
    for (const disk of left) {
      disks.push({ where: disk.where, problem: await problemOf(bench, scenario, expected, disk, root) });
    }
  };
  await Promise.all(Array.from({ length: navigator.hardwareConcurrency }, work));
  return { instants, disks };
}

/** The shapes of the host before and after, and the links that it never lacks. */
interface Expected {
  start: readonly string[];
  end: readonly string[];
  lasting: readonly string[];
}

interface Disk {
  image: Image;
  where: string;
  /** It must be as at the start before the next run. */
  isPutBack: boolean;
}

function possibleDisks(
  { start, end }: Undisturbed,
  { name, events, from, to, isPutBack }: Watched,
  step: number,
): { images: Map<string, Disk>; instants: number } {
  const isCall = (event: Event): event is Operation => event.kind !== "said" && event.path !== HISTORY;
  const operations = events.filter(isCall);
  const [first, final] = [from, to].map((place) => events.slice(0, place).filter(isCall).length);
  const disk = new CrashDisk(start, operations, end);
  const images = new Map<string, Disk>();
  let instants = 0;
  for (let count = first ?? 0; count <= (final ?? 0); count += 1) {
    const last = operations[count - 1];
    const isFinal = isPutBack && count === final;
    // What is being staged is nobody's yet; whether it is on the disk shows once it is moved into its place.
    if (last !== undefined && isStaging(last.path) && !isFinal) continue;
    instants += 1;
    if (instants % step !== 0 && !isFinal) continue;
    for (const image of disk.imagesAfter(count)) {
      const where = `${name}, power lost after call ${count} (${describeOperation(last)}), ${image.name}`;
      const key = `${isFinal}\n${image.key}`;
      if (!images.has(key)) images.set(key, { image, where, isPutBack: isFinal });
    }
  }
  return { images, instants };
}

async function problemOf(
  bench: FaultBench,
  { command, mayLose }: Scenario,
  { start, end, lasting }: Expected,
  { image, isPutBack }: Disk,
  root: string,
): Promise<string | undefined> {
  image.layOut(root);
  try {
    const [broken] = brokenPromises(root, lasting);
    if (broken !== undefined) return broken;
    const mustStay = (line: string) => !isStaging(line) && mayLose?.test(line) !== true;
    const gone = isPutBack
      ? differenceOf(start.filter(mustStay), shapeOf(root, "without outcomes").filter(mustStay))
      : undefined;
    if (gone !== undefined) return `it does not stay put back: ${gone}`;
    const again = await bench.run(root, command);
    if (again.exitCode !== 0) return `the next run fails: ${again.stderr.trim().split("\n").at(-1)?.slice(0, 300)}`;
    const difference = differenceOf(end, shapeOf(root));
    if (difference !== undefined) return `the next run ends elsewhere: ${difference}`;
    return (await damagedVersions(root))[0];
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
