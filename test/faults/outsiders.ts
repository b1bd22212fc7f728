import { basename, dirname, join } from "node:path";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { describeOperation } from "./crash-disk.ts";
import { type Event, isStaging, type Operation } from "./operations.ts";

const { directory: NAMESPACE, versions, lock } = namespaceFor("");
const JOURNAL = `${NAMESPACE}/update.journal`;
/** A log: nothing is decided by it, so it may lose a line. */
export const HISTORY = `${NAMESPACE}/history.jsonl`;
const OF_THE_RUN = [lock, JOURNAL, HISTORY];
/** In the log of a run that puts the host back, for one that failed and for one that was interrupted. */
const PUTTING_BACK = /The change failed, putting the host back|An earlier run was interrupted, undoing what it began/;
const PUT_BACK = /The host is back as it was before (this|the interrupted) run/;

/**
 * What a run did to a host's tree without having said it: every call must be about staging, the journal, the lock, or the
 * path of a change that was logged before it (`--debug`), its temporary name included. Paths are those of the host; one
 * outside its tree is as written in the trace.
 */
export function findOutsiders(events: readonly Event[]): string[] {
  const said = new Set<string>();
  const removed: string[] = [];
  const mayTouch = (path: string, operation: Operation) =>
    isStaging(path) ||
    OF_THE_RUN.includes(ofTemporary(path)) ||
    said.has(ofTemporary(path)) ||
    (operation.kind === "remove" && removed.some((folder) => path.startsWith(`${folder}/`))) ||
    // The lock needs a place before anything can be planned (updater-core §3.2), and an empty one goes after it.
    (operation.kind === "directory" && `${versions}/`.startsWith(`${path}/`)) ||
    (operation.call === "rmdir" && path === NAMESPACE);

  const outsiders: string[] = [];
  for (const event of events) {
    if (event.kind === "said") {
      for (const { isUndo, change } of changesIn(event.text)) {
        for (const path of pathsOf(change)) said.add(path);
        if (change.startsWith("remove /") && !isUndo) removed.push(...pathsOf(change));
      }
      continue;
    }
    if (event.kind === "sync") continue;
    const touched = event.kind === "rename" ? [event.from, event.path] : [event.path];
    if (!touched.every((path) => mayTouch(path, event))) outsiders.push(describeOperation(event));
  }
  return outsiders;
}

/**
 * What a run did while the journal had something to say that a power failure could still take away: a change may be made
 * once the journal that announces it is on the disk, its name and its text.
 */
export function findHasty(events: readonly Event[]): string[] {
  const unsynced = new Set<string>();
  const hasty: string[] = [];
  let isThere = false;
  for (const event of events) {
    if (event.kind === "said") continue;
    if (event.kind === "sync") unsynced.delete(event.path);
    else if (event.path !== JOURNAL) {
      if (unsynced.size > 0 && !isStaging(event.path)) hasty.push(describeOperation(event));
    } else if (event.kind === "remove") {
      unsynced.clear();
      isThere = false;
    } else {
      unsynced.add(JOURNAL);
      if (!isThere) unsynced.add(NAMESPACE);
      isThere = true;
    }
  }
  return hasty;
}

/** How many changes a run logged; a trace without any proves nothing. */
export function countChanges(events: readonly Event[]): number {
  const said = events.flatMap((event) => (event.kind === "said" ? changesIn(event.text) : []));
  return said.filter(({ isUndo }) => !isUndo).length;
}

/** The places, in the list, of the first event in which the host is put back and of the first after it; undefined when it was not put back in full. */
export function findPuttingBack(events: readonly Event[]): { from: number; to: number } | undefined {
  const isSaid = (words: RegExp) => (event: Event) => event.kind === "said" && words.test(event.text);
  const [from, to] = [events.findIndex(isSaid(PUTTING_BACK)), events.findIndex(isSaid(PUT_BACK))];
  return from === -1 || to === -1 ? undefined : { from, to };
}

function changesIn(text: string): { isUndo: boolean; change: string }[] {
  const lines = [...text.matchAll(/(Change|Undo): (.+)\.$/gm)];
  return lines.map(([, word, change = ""]) => ({ isUndo: word === "Undo", change }));
}

/** Where a link leads is not touched. */
function pathsOf(change: string): string[] {
  const paths = change.split(" ").filter((word) => word.startsWith("/"));
  return change.startsWith("link ") ? paths.slice(0, 1) : paths;
}

/** The path for which a temporary name stands; any other stands for itself. */
function ofTemporary(path: string): string {
  const [, name] = /^\.(.+)\.teleport-update$/.exec(basename(path)) ?? [];
  return name === undefined ? path : join(dirname(path), name);
}
