import { isBelow, linksInto } from "../host/linked.ts";
import { systemd } from "../host/systemd.ts";
import type { Change } from "../platform/change.ts";
import { isUpdateError } from "../platform/errors.ts";
import { faultPoint } from "../platform/fault-point.ts";
import type { World } from "../platform/world.ts";
import { describeChange } from "./describe-change.ts";
import { SIGNAL_GRACE_MS } from "./signal-grace.ts";
import { isMoved, undoChange } from "./undo-change.ts";

/** `unhealthy`: everything is back in its place, but a service did not come up with it. */
export type Undone = "whole" | "unhealthy" | "in part";

/** What is to be undone. */
export interface Undoing {
  changes: readonly Change[];
  /** The places in `changes` of those that are back already. */
  undone: ReadonlySet<number>;
  /** Where links may lie that lead into what was put into place. */
  linkPlaces: readonly string[];
  /** Hears of each that is back now, by its place in `changes`. */
  note(index: number): void;
}

/**
 * Undoes changes, last first, and goes on past failures, but for what lies under one: a change is undone only once all
 * later ones of the same places are. What a link leads into that nobody put back stays where it is, and is told. Not
 * interruptible: stopping here would leave the host between two releases.
 */
export async function undoAll(interruptible: World, { changes, undone, linkPlaces, note }: Undoing): Promise<Undone> {
  const world = { ...interruptible, signal: new AbortController().signal };
  if (interruptible.signal.aborted) await world.clock.sleep(SIGNAL_GRACE_MS, world.signal);
  const waiting: string[] = [];
  let outcome = "whole" as Undone;
  const fail = (change: Change) => {
    waiting.push(...placesOf(change));
    outcome = change.kind === "reload" && outcome !== "in part" ? "unhealthy" : "in part";
  };
  const undo = async (change: Change): Promise<boolean> => {
    try {
      if (isKept(world, changes, change, linkPlaces)) return true;
      world.log.debug(`Undo: ${describeChange(change)}.`);
      await undoChange(world, change);
      faultPoint(`${change.kind}:undone`, change);
      return true;
    } catch (error) {
      if (await isOnlyShutdown(world, error)) return true;
      fail(change);
      world.log.error(`Unable to undo: ${describeChange(change)}.`, { error: messageOf(error) });
      return false;
    }
  };

  for (const [index, change] of [...changes.entries()].reverse()) {
    // A service may read anything that the list touched, so it is reloaded once all of that is back.
    if (change.kind === "reload" || undone.has(index)) continue;
    const mustWait = placesOf(change).some((place) => waiting.some((other) => overlap(place, other)));
    // A link that could not be put back still leads into what was moved there.
    if (mustWait || (change.kind === "move" && outcome === "in part")) fail(change);
    else if ((await undo(change)) && placesOf(change).length > 0) note(index);
  }
  for (const reload of changes.flatMap(reloadsOf)) await undo(reload);
  return outcome;
}

/**
 * Whatever else went wrong, no link may lose what it leads into. By now every link of the list is back, so one that still
 * leads there is another's, or stays; where something had to make way, that comes back under it. A link that led into nothing
 * before the run counts, too: it works now, and somebody may rely on it. The version costs room until the next move.
 */
function isKept(
  { files, log }: World,
  changes: readonly Change[],
  change: Change,
  linkPlaces: readonly string[],
): boolean {
  if (change.kind !== "move" || !isMoved(files, change)) return false;
  if (changes.some((other) => other.kind === "move" && other.from === change.to)) return false;
  const [link] = linksInto(files, linkPlaces, change.to);
  if (link === undefined) return false;
  log.warn("What was put into place stays there, as a link leads into it.", { path: change.to, link });
  return true;
}

/** What a change has in its hand alone: what systemd does, and a foreign setup, is undone by bringing about a state. */
function placesOf(change: Change): string[] {
  switch (change.kind) {
    case "file":
    case "link":
    case "directory":
      return [change.path];
    case "move":
      return [change.from, change.to];
    default:
      return [];
  }
}

function overlap(a: string, b: string): boolean {
  return isBelow(a, b) || isBelow(b, a);
}

function reloadsOf(change: Change): Change[] {
  if (change.kind === "reload") return [change];
  return change.kind === "setup" ? change.reloads : [];
}

/** While the host shuts down systemd refuses jobs, and the next boot reads every unit and link afresh: nothing is lost. */
async function isOnlyShutdown(world: World, error: unknown): Promise<boolean> {
  if (!isUpdateError(error, "E_SYSTEMD", "E_UNHEALTHY") || !(await systemd(world).isStopping())) return false;
  world.log.warn("The host is shutting down, the next boot brings this back.", { error: error.message });
  return true;
}

function messageOf(failure: unknown): string {
  return failure instanceof Error ? failure.message : String(failure);
}
