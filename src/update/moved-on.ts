import { dirname } from "node:path";
import { isBelow, linksInto } from "../host/linked.ts";
import type { Change } from "../platform/change.ts";
import { isUpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import { type Namespace, versionDirectory } from "../settings/namespace.ts";
import { readUpdateConfig } from "../settings/update-config-read.ts";
import { linksToCopies, relinkedSince, writtenSince } from "./changed-since.ts";
import { linkPlaces } from "./link-places.ts";
import { isMoved } from "./undo-change.ts";

/** What shows that somebody has moved on. */
interface Trace {
  path: string;
  reason: string;
}

/**
 * Whether another updater has gone on from where an interrupted run stopped; `changes` are those that would be undone. It
 * knows nothing of the journal, and takes a version that lies there whole for its own: to undo the run would take away what
 * it has linked, or leave `update.yaml` naming a version that no link leads into. So its traces are looked for in all that
 * both updaters write. Undefined when there are none.
 */
export function movedOn(files: Files, namespace: Namespace, changes: readonly Change[]): Trace | undefined {
  return (
    relinked(files, namespace, changes) ??
    linkedAnew(files, namespace, changes) ??
    activeSince(files, namespace, changes)
  );
}

/** Our package leads the updater's link to a copy of ours, beside any journal, before it goes: that moves no host on. */
function relinked(files: Files, namespace: Namespace, changes: readonly Change[]): Trace | undefined {
  const kept = linksToCopies(files, namespace, changes);
  const path = relinkedSince(files, changes).find((link) => !kept.includes(link));
  return path === undefined ? undefined : { path, reason: `it leads to ${files.readLink(path) ?? "nothing"} now` };
}

/**
 * A link that the run did not place, and that did not lead there before it. Only into versions: nobody else links our own
 * updater, and its link may be older.
 */
function linkedAnew(files: Files, namespace: Namespace, changes: readonly Change[]): Trace | undefined {
  const known = changes.flatMap((change) => {
    if (change.kind === "link") return [change.path];
    return change.kind === "move" ? (change.linkedBefore ?? []) : [];
  });
  const folders = linkPlaces(files, namespace, changes);
  for (const place of installed(files, namespace, changes)) {
    const path = linksInto(files, folders, place).find((link) => !known.includes(link));
    if (path !== undefined) return { path, reason: `it leads into ${place}, which that run installed` };
  }
  return undefined;
}

/**
 * Somebody else's `update.yaml`, which names as active what undoing the run would remove or unlink. A run that changes no
 * setting writes it at its end only, and one that repairs the active version must still be undone.
 */
function activeSince(files: Files, namespace: Namespace, changes: readonly Change[]): Trace | undefined {
  const path = namespace.config;
  const isOfRun = changes.some((change) => change.kind === "file" && change.path === path);
  if (isOfRun && !writtenSince(files, changes).has(path)) return undefined;
  const active = activeDirectory(files, namespace);
  if (active === undefined) return undefined;
  const isTaken = isOfRun && installed(files, namespace, changes).includes(active);
  const isUnlinked = changes.some(
    (change) =>
      change.kind === "link" &&
      leads(change.after, active) &&
      !leads(change.before, active) &&
      (isOfRun || leads(change.before, namespace.versions)),
  );
  if (!isTaken && !isUnlinked) return undefined;
  return { path, reason: `it was written since, and names ${active} as active` };
}

/** The versions that undoing the run would take away. */
function installed(files: Files, namespace: Namespace, changes: readonly Change[]): string[] {
  const places = changes.flatMap((change) => (change.kind === "move" && isMoved(files, change) ? [change.to] : []));
  return places.filter((place) => dirname(place) === namespace.versions);
}

function activeDirectory(files: Files, namespace: Namespace): string | undefined {
  try {
    const { active } = readUpdateConfig(files, namespace).status;
    return active.version === "" ? undefined : versionDirectory(namespace, active);
  } catch (error) {
    if (isUpdateError(error)) return undefined;
    throw error;
  }
}

function leads(target: string | null, place: string): boolean {
  return target !== null && isBelow(target, place);
}
