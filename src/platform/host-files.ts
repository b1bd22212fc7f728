import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  renameSync,
  rmdirSync,
  rmSync,
  type Stats,
  statfsSync,
  statSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { copyFile, open } from "node:fs/promises";
import { dirname } from "node:path";
import { decodeText } from "./decode-text.ts";
import { systemErrorCode, UpdateError } from "./errors.ts";
import { DIRECTORY_MODE, FILE_MODE, type FileKind, type FileStat, type Files, type NotText } from "./files.ts";
import { plantedFile, requireNamedFile, requireOwner, requireOwnFile } from "./ownership.ts";
import { attempt, attemptAsync } from "./path-errors.ts";
import { insideRoot, resolveInRoot } from "./root-path.ts";
import {
  appendSynced,
  changeMode,
  clearedTemporary,
  renameOrRemove,
  replaceFile,
  syncDirectory,
  temporaryBeside,
  unlessMissing,
} from "./synced-files.ts";

/** The file system of this machine, seen from `root` (`/`, or a directory that holds a host's tree). */
export function hostFiles(root = "/"): Files {
  const real = (path: string) => (root === "/" ? path : resolveInRoot(root, path, "parents"));
  /** For messages. */
  const shown = (path: string) => attempt("look at", path, () => real(path));
  const realFollowed = (path: string) => (root === "/" ? path : resolveInRoot(root, path, "all"));
  return {
    root,
    real,
    realFollowed,

    stat: (path) => attempt("look at", path, () => fileStat(lstatIfPresent(real(path)))),
    statFollowed: (path) => attempt("look at", path, () => fileStat(statIfPresent(realFollowed(path)))),
    readLink: (path) =>
      attempt("read the link", path, () => {
        const at = real(path);
        return lstatIfPresent(at)?.isSymbolicLink() ? readlinkSync(at) : undefined;
      }),
    list: (path) =>
      attempt("list", path, () => unlessMissing(() => readdirSync(realFollowed(path), { encoding: "utf8" }).sort())),
    readText: (path, limit, notText) => readText(shown(path), notText, () => readBounded(realFollowed(path), limit, 0)),
    readPlantable: (path, limit, notText) =>
      readText(shown(path), notText, () => readBounded(real(path), limit, constants.O_NOFOLLOW)),
    readPlantableOf: (path, limit, owners) =>
      readText(shown(path), "refuse", () =>
        readBounded(real(path), limit, constants.O_NOFOLLOW, (at, stats) => {
          requireRegularFile(at, stats);
          requireOwner(at, stats, owners);
        }),
      ),
    readOwn: (path, limit, notText) =>
      readText(shown(path), notText, () => {
        const at = real(path);
        if (lstatIfPresent(at)?.isSymbolicLink()) throw plantedFile(at, "it is a symbolic link");
        return readBounded(at, limit, constants.O_NOFOLLOW, requireOwnFile);
      }),
    readOwnFollowed: (path, limit, notText) =>
      readText(shown(path), notText, () => readBounded(realFollowed(path), limit, 0, requireNamedFile)),
    freeBytes: (path) =>
      attempt("measure the free space at", path, () => {
        const { bavail, bsize } = statfsSync(nearestExisting(real(path)), { bigint: true });
        return Number(bavail * bsize);
      }),

    makeDirectory: (path, mode = DIRECTORY_MODE) =>
      attempt("make the directory", path, () => makeParents(root, path, mode, "refuse")),
    writeFile: (path, content, mode = FILE_MODE) =>
      attempt("write", path, () => replaceFile(realFollowed(path), content, mode)),
    appendFile: (path, text) =>
      attempt("append to", path, () => {
        const at = real(path);
        if (lstatIfPresent(temporaryBeside(at)) !== undefined) clearedTemporary(at);
        appendSynced(at, text);
      }),
    copyProgram: async (source, path) => {
      const at = real(path);
      await attemptAsync("copy the updater to", path, async () => {
        await copyFile(source, at, constants.COPYFILE_EXCL);
        await using copy = await open(at, constants.O_RDONLY | constants.O_NOFOLLOW);
        await copy.chmod(0o755);
        await copy.sync();
        syncDirectory(dirname(at));
      });
    },
    placeLink: (path, target) =>
      attempt("link", path, () => {
        const at = real(path);
        const temporary = clearedTemporary(at);
        symlinkSync(target, temporary);
        renameOrRemove(temporary, at);
      }),
    rename: (from, to) =>
      attempt("move", from, () => {
        const [source, destination] = [real(from), real(to)];
        renameSync(source, destination);
        syncDirectory(dirname(destination));
        if (dirname(source) !== dirname(destination)) syncDirectory(dirname(source));
      }),
    settle: (path) =>
      attempt("clean up beside", path, () => {
        const at = real(path);
        unlessMissing(() => {
          // Looked for first: on a disk that is read-only by now, removing fails even where there is nothing.
          if (lstatIfPresent(temporaryBeside(at)) !== undefined) clearedTemporary(at);
          syncDirectory(dirname(at));
        });
      }),
    removeFile: (path) =>
      attempt("remove", path, () => {
        const at = real(path);
        clearedTemporary(at);
        unlessMissing(() => unlinkSync(at));
        unlessMissing(() => syncDirectory(dirname(at)));
      }),
    removeDirectory: (path) =>
      attempt("remove the directory", path, () => {
        const at = real(path);
        const isGone = removeEmpty(at);
        if (isGone) unlessMissing(() => syncDirectory(dirname(at)));
        return isGone;
      }),
    removeTree: (path) =>
      attempt("remove", path, () => {
        const at = real(path);
        rmSync(at, { recursive: true, force: true });
        unlessMissing(() => syncDirectory(dirname(at)));
      }),
    setMode: (path, mode) => attempt("change the mode of", path, () => changeMode(realFollowed(path), mode)),
  };
}

function removeEmpty(at: string): boolean {
  try {
    unlessMissing(() => rmdirSync(at));
    return true;
  } catch (error) {
    if (["ENOTEMPTY", "EEXIST"].includes(systemErrorCode(error) ?? "")) return false;
    throw error;
  }
}

const lstatIfPresent = (path: string) => lstatSync(path, { throwIfNoEntry: false });
const statIfPresent = (path: string) => statSync(path, { throwIfNoEntry: false });

function fileStat(stats: Stats | undefined): FileStat | undefined {
  if (stats === undefined) return undefined;
  const { mode, size, uid: owner, gid: group, nlink: links } = stats;
  return { kind: fileKind(stats), mode: mode & 0o7777, size, owner, group, links };
}

function fileKind(stats: Stats): FileKind {
  if (stats.isFile()) return "file";
  if (stats.isDirectory()) return "directory";
  return stats.isSymbolicLink() ? "symlink" : "other";
}

function readText(path: string, notText: NotText = "refuse", read: () => Buffer | undefined): string | undefined {
  return attempt("read", path, () => {
    const bytes = read();
    return bytes && decodeText(bytes, path, notText);
  });
}

const READ_BYTES = 64 << 10;

/** O_NONBLOCK, so that a planted fifo cannot hold us; the size is checked on the open file, never on the name. */
function readBounded(
  at: string,
  limit: number,
  flags: number,
  require: (at: string, stats: Stats) => void = requireRegularFile,
): Buffer | undefined {
  const descriptor = unlessMissing(() => openSync(at, constants.O_RDONLY | constants.O_NONBLOCK | flags));
  if (descriptor === undefined) return undefined;
  try {
    require(at, fstatSync(descriptor));
    const parts: Buffer[] = [];
    for (let length = 0; length < limit; ) {
      const part = Buffer.alloc(Math.min(limit - length, READ_BYTES));
      const count = readSync(descriptor, part, 0, part.length, null);
      if (count === 0) return Buffer.concat(parts);
      parts.push(part.subarray(0, count));
      length += count;
    }
    throw new UpdateError("E_UNREADABLE_FILE", `\`${at}\` is larger than ${limit} bytes`, { hint: "move it away" });
  } finally {
    closeSync(descriptor);
  }
}

function requireRegularFile(at: string, stats: Stats): void {
  if (stats.isFile()) return;
  throw new UpdateError("E_UNREADABLE_FILE", `\`${at}\` is not a regular file`, { hint: "move it away" });
}

function nearestExisting(path: string): string {
  let at = path;
  while (lstatIfPresent(at) === undefined && at !== dirname(at)) at = dirname(at);
  return at;
}

/** `danglingLink` is one at the end of `path`. */
function makeParents(root: string, path: string, mode: number, danglingLink: "follow" | "refuse"): string[] {
  const at = resolveInRoot(root, path, "parents");
  const end = resolveInRoot(root, path, "all");
  if (statIfPresent(end)?.isDirectory()) return [];
  // As `/opt -> var/opt` in the image of a system that makes `/var` at its first boot. Refused, it is in the way below.
  if (end !== at && danglingLink === "follow") return makeParents(root, insideRoot(root, end), mode, "refuse");
  const made = path === dirname(path) ? [] : makeParents(root, dirname(path), DIRECTORY_MODE, "follow");
  // No chmod after it: in a folder of another user the name may lead elsewhere by then; the umask is ours.
  try {
    mkdirSync(at, { mode });
  } catch (error) {
    // Somebody made it at this very moment, so it is theirs.
    if (systemErrorCode(error) === "EEXIST" && statIfPresent(resolveInRoot(root, path, "all"))?.isDirectory())
      return made;
    throw error;
  }
  syncDirectory(dirname(at));
  return [...made, path];
}
