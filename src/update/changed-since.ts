import { isBelow, linkEnd } from "../host/linked.ts";
import type { Change } from "../platform/change.ts";
import type { Files } from "../platform/files.ts";
import { UNIT_SIZE_LIMIT } from "../settings/custom-tbot.ts";
import type { Namespace } from "../settings/namespace.ts";

/*
 * What an interrupted run does not account for. A path that is now as the run found it, or as it left it at any time, may be
 * its work; anything else is that of somebody who came after it.
 */

/**
 * The files that read as the run at no time left them: somebody has written them since, and meant it. Where something was
 * moved away, or to, that does not show.
 */
export function writtenSince(files: Files, changes: readonly Change[]): Set<string> {
  const known = statesByPath(changes, "file", (image) => image?.content ?? null);
  const moved = new Set(changes.flatMap((change) => (change.kind === "move" ? [change.from, change.to] : [])));
  const judged = [...known].filter(([path]) => !moved.has(path));
  return new Set(judged.filter(([path, texts]) => !texts.includes(readText(files, path))).map(([path]) => path));
}

/** The links that at no time of the run led where they do now. */
export function relinkedSince(files: Files, changes: readonly Change[]): string[] {
  const known = statesByPath(changes, "link", (target) => target);
  return [...known].filter(([path, targets]) => !targets.includes(files.readLink(path) ?? null)).map(([path]) => path);
}

/** Of those, the ones that lead to a copy of ours: `copies keep` of our package does not wait for a recovery. */
export function linksToCopies(files: Files, namespace: Namespace, changes: readonly Change[]): string[] {
  const isCopy = (path: string) =>
    isBelow(linkEnd(files, path) ?? "", namespace.updaterCopies) && files.statFollowed(path) !== undefined;
  return relinkedSince(files, changes).filter(isCopy);
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
