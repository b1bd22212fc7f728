import { basename, dirname } from "node:path";
import type { Change, FileImage } from "../platform/change.ts";
import { UpdateError } from "../platform/errors.ts";
import { DIRECTORY_MODE, FILE_MODE, type Files } from "../platform/files.ts";
import { shellWord } from "../platform/quote.ts";
import { insideRoot, resolveInRoot } from "../platform/root-path.ts";
import { UNIT_SIZE_LIMIT } from "../settings/custom-tbot.ts";

/**
 * The changes that make a directory and its missing parents, outermost first, so that each has its own undo. A link whose target is
 * missing gets its directory there, and that is what an undo removes; a link that comes in its place later leads to none.
 */
export function directoryChanges(files: Files, path: string, mode = DIRECTORY_MODE): Change[] {
  if (files.statFollowed(path) !== undefined) return [];
  const end = insideRoot(files.root, resolveInRoot(files.root, path, "all"));
  if (end !== path && files.readLink(path) !== undefined) return directoryChanges(files, end, mode);
  return [...directoryChanges(files, dirname(path)), { kind: "directory", path, mode }];
}

/**
 * The changes that give the file at `path` this content, its directory included; none when it reads the same already.
 * An existing file keeps its mode. Fails as `fileImage` does.
 */
export function fileChanges(files: Files, path: string, content: string): Change[] {
  const before = fileImage(files, path);
  if (before?.content === content) return [];
  const after = { content, mode: before?.mode ?? FILE_MODE };
  return [...directoryChanges(files, dirname(path)), { kind: "file", path, before, after }];
}

/**
 * As `fileChanges`, for a file that only its owner may read: one that others may read is not written over, but made anew.
 */
export function privateFileChanges(files: Files, path: string, content: string): Change[] {
  const before = fileImage(files, path);
  const after = { content, mode: PRIVATE_MODE };
  if (before === null || before.mode === PRIVATE_MODE) {
    if (before?.content === content) return [];
    return [...directoryChanges(files, dirname(path)), { kind: "file", path, before, after }];
  }
  return [
    { kind: "file", path, before, after: null },
    { kind: "file", path, before: null, after },
  ];
}

const PRIVATE_MODE = 0o600;

/** The change that deletes the file at `path`; none when there is none. Fails as `fileImage` does. */
export function fileRemoval(files: Files, path: string): Change[] {
  const before = fileImage(files, path);
  return before === null ? [] : [{ kind: "file", path, before, after: null }];
}

/**
 * What the regular file at `path` holds, or null when it is missing. Fails with `E_IRREGULAR_FILE` for anything else (a
 * masked unit is a link), and with `E_UNREADABLE_FILE` from `UNIT_SIZE_LIMIT` bytes on (installer-systemd §2.3 step 4).
 */
export function fileImage(files: Files, path: string): FileImage | null {
  const stat = files.stat(path);
  if (stat === undefined) return null;
  if (stat.kind !== "file") {
    throw new UpdateError("E_IRREGULAR_FILE", `refusing to replace \`${path}\`: it is not a regular file`, {
      hint: `${remedyFor(files, path)}, and run the command again`,
    });
  }
  const content = files.readText(path, UNIT_SIZE_LIMIT);
  return content === undefined ? null : { content, mode: stat.mode };
}

/** Where `systemctl mask` puts its links, and whence `systemctl unmask` takes them. */
const UNITS_OF_THE_ADMINISTRATOR = "/etc/systemd/system";

function remedyFor(files: Files, path: string): string {
  const at = shellWord(files.real(path));
  if (files.readLink(path) !== "/dev/null") return `look at it, move it away: \`mv ${at} ${at}.bad\``;
  if (dirname(path) !== UNITS_OF_THE_ADMINISTRATOR) return `it is masked: \`rm ${at}\``;
  const root = files.root === "/" ? "" : `--root=${shellWord(files.root)} `;
  return `the unit is masked: \`systemctl ${root}unmask ${basename(path)}\``;
}

/** The list without the directories that an earlier change of it makes already. */
export function withoutRepeats(changes: readonly Change[]): Change[] {
  const made = new Set<string>();
  return changes.filter((change) => {
    if (change.kind !== "directory") return true;
    const isNew = !made.has(change.path);
    made.add(change.path);
    return isNew;
  });
}
