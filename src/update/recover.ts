import { linksInto } from "../host/linked.ts";
import type { Change, ChangeKind } from "../platform/change.ts";
import { isUpdateError, systemErrorCode, UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { World } from "../platform/world.ts";
import type { Namespace } from "../settings/namespace.ts";
import { linksToCopies, writtenSince } from "./changed-since.ts";
import { recorded } from "./history.ts";
import { journalPath } from "./journal-format.ts";
import { linkPlaces } from "./link-places.ts";
import { movedOn } from "./moved-on.ts";
import { nameActive } from "./name-active.ts";
import { noteEnded } from "./note-ended.ts";
import { dropJournal, readAnyRun, type UnfinishedRun } from "./read-journal.ts";
import { planStranded } from "./stranded-links.ts";
import { undoAll } from "./undo-all.ts";
import { isMoved, undoChange } from "./undo-change.ts";
import { resumeUndo } from "./undo-notes.ts";
import { UndoReserve } from "./undo-reserve.ts";

/**
 * Undoes what an earlier run began and did not end, so that every link leads into the old release again. To be called by
 * whoever holds the exclusive lock, before anything else. When another updater has moved on since, its state counts and
 * is left alone. Fails with `E_JOURNAL`, or with `E_ROLLBACK` when something cannot be undone; then the journal
 * stays for the next run.
 */
export async function recover(world: World, namespace: Namespace): Promise<void> {
  const run = readAnyRun(world.files, namespace, (line) => {
    world.log.warn("The last line of the journal is not whole, so what it announces counts as not begun.", {
      path: journalPath(namespace),
      line,
    });
  });
  new UndoReserve(world.files, namespace).free();
  if (run === undefined || "outcome" in run) {
    if (run !== undefined) noteEnded(world, namespace, run);
    dropJournal(world.files, namespace);
    return;
  }
  const facts = { started: run.started, updater: run.updater, changes: run.changes.length };
  const trace = movedOn(world.files, namespace, leftIn(run));
  if (trace !== undefined) {
    world.log.warn("An earlier run was interrupted, and another updater has moved on since: nothing is undone.", {
      ...facts,
      ...trace,
    });
    await bringBackLinked(world, namespace, leftIn(run));
    dropJournal(world.files, namespace);
    return;
  }
  world.log.warn("An earlier run was interrupted, undoing what it began.", facts);
  let isAsBefore = true;
  await recorded(world, namespace, "recovery", async (action) => {
    action.isBegun = true;
    isAsBefore = await undoRun(world, namespace, run);
  });
  dropJournal(world.files, namespace);
  if (world.files.root !== "/" && leftIn(run).some(({ kind }) => OF_RUNNING_HOSTS.has(kind))) {
    world.log.warn("The host does not run: its next boot reads the units and starts the services that are put back.");
  }
  if (isAsBefore) world.log.warn("The host is back as it was before the interrupted run.");
  else
    world.log.warn("The rest is back as it was before the interrupted run; `teleport-update enable` mends the host.");
}

const OF_RUNNING_HOSTS: ReadonlySet<ChangeKind> = new Set<ChangeKind>(["daemon-reload", "unit", "setup", "reload"]);

function leftIn({ changes, undone }: UnfinishedRun): Change[] {
  return changes.filter((_, index) => !undone.has(index));
}

/** True when the host is as it was; where something went meanwhile that it had, it is whole all the same. */
async function undoRun(world: World, namespace: Namespace, run: UnfinishedRun): Promise<boolean> {
  const { files, log } = world;
  const notes = resumeUndo(files, namespace, run);
  const kept = writtenSince(files, leftIn(run));
  const plan = planStranded(files, namespace, leftIn(run));
  for (const link of plan.stranded)
    log.warn("What a link led into is gone, so it stays as the interrupted run left it.", { ...link });
  placeLinks(files, plan.forward);
  const left = [
    ...plan.stranded.map(({ path }) => path),
    ...plan.forward.keys(),
    ...linksToCopies(files, namespace, leftIn(run)),
  ];
  const isKept = (change: Change) =>
    (change.kind === "file" && kept.has(change.path)) || (change.kind === "link" && left.includes(change.path));
  const done = run.changes.flatMap((change, index) => (run.undone.has(index) || isKept(change) ? [index] : []));
  const outcome = await undoAll(world, {
    changes: run.changes,
    undone: new Set(done),
    linkPlaces: linkPlaces(files, namespace, run.changes),
    note: (index) => notes.note(index),
  });
  placeLinks(files, plan.back);
  if (plan.staysAt !== undefined) await nameActive(world, namespace, plan.staysAt);
  if (outcome !== "in part") return plan.stranded.length === 0;
  throw new UpdateError("E_ROLLBACK", "an interrupted run could not be undone in full", {
    hint: "read the errors above, remove their cause, and run the command again",
  });
}

function placeLinks(files: Files, targets: ReadonlyMap<string, string>): void {
  for (const [path, target] of targets) {
    if (files.readLink(path) !== target) files.placeLink(path, target);
  }
}

/** Whoever moved on may not have come to every link: what one still leads into must not go with the staging folder. */
async function bringBackLinked(world: World, namespace: Namespace, changes: readonly Change[]): Promise<void> {
  const { files, log } = world;
  const folders = linkPlaces(files, namespace, changes);
  for (const change of changes.toReversed()) {
    if (change.kind !== "move" || !isMoved(files, change)) continue;
    if (linksInto(files, folders, change.from).length === 0) continue;
    log.warn("What that run had moved aside is linked, and comes back.", { path: change.from });
    await undoChange(world, change);
  }
}

/** Says that there is something to recover, for who may not do it (`status`, `link-package`). Never fails. */
export function reportUnfinished({ files, log }: Pick<World, "files" | "log">, namespace: Namespace): void {
  const interrupted = "An earlier run was interrupted, or is still going on";
  try {
    const run = readAnyRun(files, namespace);
    if (run === undefined) return;
    const { started, updater } = run;
    log.warn(`${interrupted}; the next update undoes or finishes it.`, { started, updater });
  } catch (error) {
    if (!isUpdateError(error)) throw error;
    if (systemErrorCode(error.cause) === "EACCES") {
      log.warn(`${interrupted}; only root may see more.`, { command: "sudo teleport-update status" });
      return;
    }
    log.warn("The journal of an interrupted run cannot be read.", {
      path: journalPath(namespace),
      error: error.message,
      hint: error.hint,
    });
  }
}
