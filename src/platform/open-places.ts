import { dirname, join } from "node:path";
import { isUpdateError, UpdateError } from "./errors.ts";
import type { FileStat, Files } from "./files.ts";
import { isTrustedAbove, isTrustedOwner } from "./ownership.ts";
import { shellWord } from "./quote.ts";

/**
 * Something on the way to what root reads, writes or runs, that somebody else may replace. `doubtful`: only by members of
 * root's group, or, as an access list hides behind the same bits, by those that it names.
 */
export interface OpenPlace {
  /** On this machine, also of a tree behind `--root`. */
  path: string;
  reason: string;
  /** The command that closes it. */
  command: string;
  isDoubtful: boolean;
}

const MAX_LINKS = 40;
const STICKY = 0o1000;
const GROUP_LIST = "/etc/group";
const USER_LIST = "/etc/passwd";
const LIST_LIMIT = 1 << 20;
const UID_MAP_LIMIT = 1 << 16;

/**
 * Every place on the ways to `paths` that is open, each once. A way is walked name by name, through every link, and what lies
 * at its end counts too; what is missing is closed when nobody else can make it. Fails with `E_PATH` after 40 links.
 */
export function findOpenPlaces(files: Files, paths: readonly string[]): OpenPlace[] {
  return placesOn({ files, isTrusted: isTrustedOwner, isEndTheirs: false }, paths);
}

/**
 * As `findOpenPlaces`, for a folder that belongs to somebody else by right: what lies at the end counts only where its owner
 * may put another in its place.
 */
export function findOpenWay(files: Files, path: string): OpenPlace[] {
  return placesOn({ files, isTrusted: isTrustedOwner, isEndTheirs: true }, [path]);
}

/**
 * The first place by which somebody else may put another tree at `path`, where root is to work; undefined when there is none, and
 * for who is not root, who has only their own to lose. The tree itself may be anybody's, and `sudoUser` may own what is above it.
 */
export function findOpenAbove(files: Files, path: string, sudoUser: number | undefined): OpenPlace | undefined {
  if (process.geteuid?.() !== 0) return undefined;
  const uidMap = files.readText("/proc/self/uid_map", UID_MAP_LIMIT);
  const isTrusted = (owner: number) => isTrustedAbove(owner, { sudoUser, uidMap });
  const places = placesOn({ files, isTrusted, isEndTheirs: true }, [path]);
  return places.find((place) => place.path !== path && !place.isDoubtful);
}

/** Where is looked, and who may own what is passed. */
interface Ground {
  files: Files;
  isTrusted(owner: number): boolean;
  isEndTheirs: boolean;
}

function placesOn(ground: Ground, paths: readonly string[]): OpenPlace[] {
  const found = new Map<string, OpenPlace>();
  for (const path of paths) {
    for (const place of walk(ground, path)) found.set(place.path, place);
  }
  return [...found.values()];
}

function* walk(ground: Ground, path: string): Generator<OpenPlace> {
  const { files } = ground;
  const pending = names(path);
  let at = "/";
  let links = 0;
  yield* judge(ground, at, "passed");
  for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
    if (name === "..") {
      at = dirname(at);
      continue;
    }
    const next = join(at, name);
    const kind = files.stat(next)?.kind;
    if (kind === undefined) {
      if (isSharedFolder(files.stat(at))) yield anybodys(files, next);
      return;
    }
    const isEnd = pending.length === 0 && kind !== "symlink";
    if (isEnd && ground.isEndTheirs && !isSharedFolder(files.stat(at))) return;
    yield* judge(ground, next, "passed");
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
  yield* judge(ground, at, "end");
}

function names(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}

/** In a shared folder nobody replaces what belongs to others, so one may be passed; as an end it lets everybody add to it. */
function* judge({ files, isTrusted }: Ground, host: string, as: "passed" | "end"): Generator<OpenPlace> {
  const stat = files.stat(host);
  if (stat === undefined) return;
  const isLink = stat.kind === "symlink";
  const path = files.real(host);
  if (!isTrusted(stat.owner)) {
    const command = `chown ${isLink ? "-h " : ""}root:root ${shellWord(path)}`;
    yield {
      path,
      reason: `it belongs to the user ${stat.owner}${nameOf(files, stat.owner)}`,
      command,
      isDoubtful: false,
    };
    return;
  }
  // The mode of a link means nothing.
  if (isLink || (as === "passed" && isSharedFolder(stat))) return;
  const command = `chmod go-w ${shellWord(path)}`;
  if ((stat.mode & 0o002) !== 0) yield { path, reason: "everybody may write it", command, isDoubtful: false };
  else if ((stat.mode & 0o020) !== 0 && !isStaffs(files, host, stat.group)) {
    const reason = `the group ${stat.group} may write it`;
    yield { path, reason, command, isDoubtful: stat.group === 0 };
  }
}

function isSharedFolder(stat: FileStat | undefined): boolean {
  return stat?.kind === "directory" && (stat.mode & STICKY) !== 0 && (stat.mode & 0o022) !== 0;
}

function anybodys(files: Files, host: string): OpenPlace {
  const path = files.real(host);
  const reason = `it is missing from \`${dirname(path)}\`, where everybody may make it`;
  return { path, reason, command: `install -d ${shellWord(path)}`, isDoubtful: false };
}

/** Debian gives `/usr/local` to the group `staff`, whose members are as good as root there (its policy, 9.1.2). */
function isStaffs(files: Files, path: string, group: number): boolean {
  if (path !== "/usr/local" && !path.startsWith("/usr/local/")) return false;
  return /^staff:[^:]*:(\d+):/m.exec(readList(files, GROUP_LIST))?.[1] === String(group);
}

/** For people only: the number is what counts, and the name is what the list of the host makes of it. */
function nameOf(files: Files, user: number): string {
  const name = new RegExp(`^([\\w.-]{1,32}):[^:]*:${user}:`, "m").exec(readList(files, USER_LIST))?.[1];
  return name === undefined ? "" : ` (\`${name}\`)`;
}

function readList(files: Files, path: string): string {
  try {
    return files.readText(path, LIST_LIMIT) ?? "";
  } catch (error) {
    if (isUpdateError(error)) return "";
    throw error;
  }
}
