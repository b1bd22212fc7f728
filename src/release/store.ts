import { dirname, join } from "node:path";
import type { Change } from "../platform/change.ts";
import { isUpdateError, UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import { quote } from "../platform/quote.ts";
import { type Namespace, versionDirectory } from "../settings/namespace.ts";
import { parseRevisionDirectory, type Revision, revisionDirectory, sameRevision } from "../settings/revision.ts";
import { CHECKSUM_FILE, readStoredChecksum } from "./checksum.ts";

/** With fewer versions than this on disk nothing is cleaned up: the active one and its backup stay (updater-core §4.3). */
const CLEANUP_THRESHOLD = 3;
const CHECKSUM_SIZE_LIMIT = 4096;

/**
 * The versions on disk, by the names of their directories (installer-systemd §1.3): files are ignored, an odd directory
 * name fails with `E_VERSION`, a missing versions directory with `E_NOT_INSTALLED`.
 */
export function listVersions(files: Files, namespace: Namespace): Revision[] {
  const names = files.list(namespace.versions);
  if (names === undefined) {
    throw new UpdateError("E_NOT_INSTALLED", `there is no versions directory \`${namespace.versions}\``, {
      hint: "install with `teleport-update enable --proxy <address>`",
    });
  }
  return names
    .filter((name) => files.stat(join(namespace.versions, name))?.kind === "directory")
    .map(parseRevisionDirectory);
}

/**
 * - `absent`: nothing is there.
 * - `present`: installed whole, from the archive with that digest.
 * - `mismatched`: installed whole, from another archive of the same revision.
 * - `damaged`: something is there, but its digest is missing or unreadable; it was left half made or half removed.
 */
export type InstalledState = "absent" | "present" | "mismatched" | "damaged";

/** What the store holds of `revision`, compared with the digest `sha256` (installer-systemd §1.5, step 2). */
export function installedState(files: Files, namespace: Namespace, revision: Revision, sha256: string): InstalledState {
  const directory = safeVersionDirectory(namespace, revision);
  const stored = readStoredChecksum(files, directory);
  if (stored === undefined) return files.stat(directory) === undefined ? "absent" : "damaged";
  if (stored === "damaged") return "damaged";
  return stored === sha256 ? "present" : "mismatched";
}

/**
 * The changes that remove a version: its digest first, so that a half-removed directory never counts as installed, then
 * the tree (installer-systemd §1.7). A missing version needs none. Fails with `E_PATH` for a name that leads outside.
 */
export function removalPlan(files: Files, namespace: Namespace, revision: Revision): Change[] {
  const directory = safeVersionDirectory(namespace, revision);
  if (files.stat(directory) === undefined) return [];
  const changes: Change[] = [{ kind: "remove", path: directory }];
  const path = join(directory, CHECKSUM_FILE);
  const stat = files.stat(path);
  if (stat?.kind !== "file") return changes;
  const before = { content: readOrEmpty(files, path), mode: stat.mode };
  return [{ kind: "file", path, before, after: null }, ...changes];
}

/** Which of the installed versions to remove after an update: none below three, else all that `keep` does not name in full. */
export function versionsToClean(installed: readonly Revision[], keep: readonly Revision[]): Revision[] {
  if (installed.length < CLEANUP_THRESHOLD) return [];
  return installed.filter((version) => !keep.some((kept) => sameRevision(kept, version)));
}

/** A name such as `..` would reach out of the store, whatever its origin was checked for. */
function safeVersionDirectory(namespace: Namespace, revision: Revision): string {
  const directory = versionDirectory(namespace, revision);
  if (dirname(directory) === namespace.versions) return directory;
  throw new UpdateError(
    "E_PATH",
    `version directory ${quote(revisionDirectory(revision))} is outside \`${namespace.versions}\``,
    { hint: "name a version such as `18.1.0`" },
  );
}

/** A digest file too large to be one is no loss: it said nothing. */
function readOrEmpty(files: Files, path: string): string {
  try {
    return files.readText(path, CHECKSUM_SIZE_LIMIT) ?? "";
  } catch (error) {
    if (isUpdateError(error, "E_UNREADABLE_FILE")) return "";
    throw error;
  }
}
