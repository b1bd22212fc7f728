import type { Stats } from "node:fs";
import { UpdateError } from "./errors.ts";
import { shellWord } from "./quote.ts";

/** Root is trusted, and under `--root` whoever runs the updater on a tree of their own. */
export function isTrustedOwner(owner: number): boolean {
  return owner === 0 || owner === process.geteuid?.();
}

/**
 * Who may own the folders above the tree that root works on: root, and who called through sudo. In a user namespace the root
 * of the machine has no number of its own, and shows as nobody.
 */
export function isTrustedAbove(
  owner: number,
  { sudoUser, uidMap }: { sudoUser: number | undefined; uidMap: string | undefined },
): boolean {
  if (isTrustedOwner(owner) || owner === sudoUser) return true;
  return owner === OVERFLOW && uidMap !== undefined && !WHOLE_MAP.test(uidMap);
}

/** `/proc/sys/kernel/overflowuid`, which nobody changes. */
const OVERFLOW = 65_534;
/** `/proc/self/uid_map` outside user namespaces: all users, each as itself. */
const WHOLE_MAP = /^\s*0\s+0\s+4294967295\s*$/;

/**
 * Fails with `E_UNREADABLE_FILE` when the file at `path`, which only the updater makes, may be the work of somebody else.
 * `stats` are those of the open file: a name can lead elsewhere by the time it is opened.
 */
export function requireOwnFile(path: string, stats: Stats): void {
  const reason = whyPlanted(stats);
  if (reason !== undefined) throw plantedFile(path, reason);
}

/** As `requireOwnFile`, for a file that the operator named: a directory was not planted, but is `E_PATH`. */
export function requireNamedFile(path: string, stats: Stats): void {
  if (stats.isDirectory()) throw new UpdateError("E_PATH", `\`${path}\` is a directory`, { hint: "name the file" });
  requireOwnFile(path, stats);
}

/** As `requireOwnFile`, for a file that somebody else writes by right: one of `owners`. */
export function requireOwner(path: string, { uid }: Stats, owners: readonly number[]): void {
  if (!isTrustedOwner(uid) && !owners.includes(uid)) throw plantedFile(path, `it belongs to the user ${uid}`);
}

/** `path` is one of this machine, also for a file of a tree behind `--root`: the hint has a command for it. */
export function plantedFile(path: string, reason: string): UpdateError {
  return new UpdateError("E_UNREADABLE_FILE", `\`${path}\` may have been planted: ${reason}`, {
    hint: `look at it, and move it away: \`mv ${shellWord(path)} ${shellWord(`${path}.bad`)}\``,
  });
}

/** Why a file is not the updater's own; undefined when nothing speaks against it. */
export function whyPlanted(stats: Stats): string | undefined {
  if (!stats.isFile()) return "it is not a regular file";
  if (!isTrustedOwner(stats.uid)) return `it belongs to the user ${stats.uid}`;
  return (stats.mode & 0o022) === 0 ? undefined : `its mode ${(stats.mode & 0o7777).toString(8)} lets others write it`;
}
