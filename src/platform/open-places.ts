import { dirname, join } from "node:path";
import { isUpdateError, UpdateError } from "./errors.ts";
import type { FileStat, Files } from "./files.ts";
import { isTrustedOwner } from "./ownership.ts";

/**
 * Something on the way to what root reads, writes or runs, that somebody else may replace. `doubtful`: only by members of
 * root's group, or, as an access list hides behind the same bits, by those that it names.
 */
export interface OpenPlace {
  path: string;
  reason: string;
  /** The command that closes it. */
  command: string;
  isDoubtful: boolean;
}

const MAX_LINKS = 40;
const STICKY = 0o1000;
const GROUP_LIST = "/etc/group";
const GROUP_LIST_LIMIT = 1 << 20;

/**
 * Every place on the ways to `paths` that is open, each once. A way is walked name by name, through every link, and what lies
 * at its end counts too; what is missing is closed when nobody else can make it. Fails with `E_PATH` after 40 links.
 */
export function findOpenPlaces(files: Files, paths: readonly string[]): OpenPlace[] {
  const found = new Map<string, OpenPlace>();
  for (const path of paths) {
    for (const place of walk(files, path)) found.set(place.path, place);
  }
  return [...found.values()];
}

function* walk(files: Files, path: string): Generator<OpenPlace> {
  const pending = names(path);
  let at = "/";
  let links = 0;
  yield* judge(files, at, "passed");
  for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
    if (name === "..") {
      at = dirname(at);
      continue;
    }
    const next = join(at, name);
    const kind = files.stat(next)?.kind;
    if (kind === undefined) {
      if (isSharedFolder(files.stat(at))) yield anybodys(next);
      return;
    }
    yield* judge(files, next, "passed");
    if (kind !== "symlink") {
      at = next;
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) throw new UpdateError("E_PATH", `\`${path}\` goes through too many links`);
    const target = files.readLink(next) ?? "";
    if (target.startsWith("/")) at = "/";
    pending.unshift(...names(target));
  }
  yield* judge(files, at, "end");
}

function names(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}

/** In a shared folder nobody replaces what belongs to others, so one may be passed; as an end it lets everybody add to it. */
function* judge(files: Files, path: string, as: "passed" | "end"): Generator<OpenPlace> {
  const stat = files.stat(path);
  if (stat === undefined) return;
  const isLink = stat.kind === "symlink";
  if (!isTrustedOwner(stat.owner)) {
    const command = `chown ${isLink ? "-h " : ""}root:root ${word(path)}`;
    yield { path, reason: `it belongs to the user ${stat.owner}`, command, isDoubtful: false };
    return;
  }
  // The mode of a link means nothing.
  if (isLink || (as === "passed" && isSharedFolder(stat))) return;
  const command = `chmod go-w ${word(path)}`;
  if ((stat.mode & 0o002) !== 0) yield { path, reason: "everybody may write it", command, isDoubtful: false };
  else if ((stat.mode & 0o020) !== 0 && !isStaffs(files, path, stat.group)) {
    const reason = `the group ${stat.group} may write it`;
    yield { path, reason, command, isDoubtful: stat.group === 0 };
  }
}

function isSharedFolder(stat: FileStat | undefined): boolean {
  return stat?.kind === "directory" && (stat.mode & STICKY) !== 0 && (stat.mode & 0o022) !== 0;
}

function anybodys(path: string): OpenPlace {
  const reason = `it is missing from \`${dirname(path)}\`, where everybody may make it`;
  return { path, reason, command: `install -d ${word(path)}`, isDoubtful: false };
}

/** Debian gives `/usr/local` to the group `staff`, whose members are as good as root there (its policy, 9.1.2). */
function isStaffs(files: Files, path: string, group: number): boolean {
  if (path !== "/usr/local" && !path.startsWith("/usr/local/")) return false;
  return /^staff:[^:]*:(\d+):/m.exec(groupList(files))?.[1] === String(group);
}

function groupList(files: Files): string {
  try {
    return files.readText(GROUP_LIST, GROUP_LIST_LIMIT) ?? "";
  } catch (error) {
    if (isUpdateError(error)) return "";
    throw error;
  }
}

/** A path as a shell takes it. */
function word(path: string): string {
  return /^[\w@%+:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
