import type { Change } from "../platform/change.ts";
import { UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { World } from "../platform/world.ts";
import { UNIT_SIZE_LIMIT } from "../settings/custom-tbot.ts";
import type { Namespace } from "../settings/namespace.ts";
import { recorded } from "./history.ts";
import { journalPath } from "./journal-format.ts";
import { dropJournal, readJournal, type UnfinishedRun } from "./read-journal.ts";
import { undoAll } from "./undo-all.ts";
import { resumeUndo } from "./undo-notes.ts";
import { UndoReserve } from "./undo-reserve.ts";

/**
 * Undoes what an earlier run began and did not end, so that every link leads into the old release again. To be called by
 * whoever holds the exclusive lock, before anything else. When another updater has moved on since, its state counts and
 * nothing is touched. Fails with `E_JOURNAL`, or with `E_ROLLBACK` when something cannot be undone; then the journal
 * stays for the next run.
 */
export async function recover(world: World, namespace: Namespace): Promise<void> {
  const run = readJournal(world.files, namespace);
  new UndoReserve(world.files, namespace).free();
  if (run === undefined) {
    dropJournal(world.files, namespace);
    return;
  }
  const facts = { started: run.started, updater: run.updater, changes: run.changes.length };
  const elsewhere = linkOfAnother(world.files, leftIn(run));
  if (elsewhere !== undefined) {
    world.log.warn("An earlier run was interrupted, and another updater has moved on since: nothing is undone.", {
      ...facts,
      path: elsewhere,
    });
    dropJournal(world.files, namespace);
    return;
  }
  world.log.warn("An earlier run was interrupted, undoing what it began.", facts);
  await recorded(world, namespace, "recovery", async (action) => {
    action.isBegun = true;
    await undoRun(world, namespace, run);
  });
  dropJournal(world.files, namespace);
  world.log.warn("The host is back as it was before the interrupted run.");
}

function leftIn({ changes, undone }: UnfinishedRun): Change[] {
  return changes.filter((_, index) => !undone.has(index));
}

async function undoRun(world: World, namespace: Namespace, run: UnfinishedRun): Promise<void> {
  const notes = resumeUndo(world.files, namespace, run);
  const kept = writtenSince(world.files, leftIn(run));
  const isKept = (change: Change) => change.kind === "file" && kept.has(change.path);
  const done = run.changes.flatMap((change, index) => (run.undone.has(index) || isKept(change) ? [index] : []));
  if ((await undoAll(world, run.changes, (index) => notes.note(index), new Set(done))) !== "in part") return;
  throw new UpdateError("E_ROLLBACK", "an interrupted run could not be undone in full", {
    hint: "read the errors above, remove their cause, and run the command again",
  });
}

/** Says that there is something to recover, for who may not do it (`status`, `link-package`). */
export function reportUnfinished(world: Pick<World, "files" | "log">, namespace: Namespace): void {
  let run: UnfinishedRun | undefined;
  try {
    run = readJournal(world.files, namespace);
  } catch (error) {
    world.log.warn("The journal of an interrupted run cannot be read.", {
      path: journalPath(namespace),
      error: error instanceof Error ? error.message : String(error),
    });
    return;
  }
  if (run === undefined) return;
  world.log.warn("An earlier run was interrupted, or is still going on; the next update undoes or finishes it.", {
    started: run.started,
    updater: run.updater,
  });
}

/**
 * The files that read as the run at no time left them: somebody has written them since, and meant it. Where something was
 * moved away, or to, that does not show.
 */
function writtenSince(files: Files, changes: readonly Change[]): Set<string> {
  const known = statesByPath(changes, "file", (image) => image?.content ?? null);
  const moved = new Set(changes.flatMap((change) => (change.kind === "move" ? [change.from, change.to] : [])));
  const judged = [...known].filter(([path]) => !moved.has(path));
  return new Set(judged.filter(([path, texts]) => !texts.includes(readText(files, path))).map(([path]) => path));
}

/** A link that at no time of the run led where it does now is the work of somebody else. */
function linkOfAnother(files: Files, changes: readonly Change[]): string | undefined {
  const known = statesByPath(changes, "link", (target) => target);
  return [...known].find(([path, targets]) => !targets.includes(files.readLink(path) ?? null))?.[0];
}

type End<K extends "file" | "link"> = Extract<Change, { kind: K }>["before"];

/** What each path was and became, over all the changes of one kind that touch it. */
function statesByPath<K extends "file" | "link">(
  changes: readonly Change[],
  kind: K,
  stateOf: (end: End<K>) => string | null,
): Map<string, (string | null)[]> {
  const known = new Map<string, (string | null)[]>();
  for (const change of changes) {
    if (change.kind !== kind) continue;
    const ends = [change.before as End<K>, change.after as End<K>].map(stateOf);
    known.set(change.path, [...(known.get(change.path) ?? []), ...ends]);
  }
  return known;
}

/** Null for what is missing, and for what no file of ours is. */
function readText(files: Files, path: string): string | null {
  return files.stat(path)?.kind === "file" ? (files.readText(path, UNIT_SIZE_LIMIT, "mark") ?? null) : null;
}
