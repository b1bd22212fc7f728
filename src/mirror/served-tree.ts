import { closeSync, constants, fstatSync, lstatSync, openSync, type Stats } from "node:fs";
import { join } from "node:path";
import { isUpdateError, systemErrorCode, UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { Log } from "../platform/log.ts";
import type { Validators } from "./conditional.ts";
import { INDEX_FILE, type MirrorIndex, readIndex } from "./index-file.ts";

/** The files of a mirror as they are opened to be served. */
export interface ServedTree {
  /** Opens a file; the caller closes its descriptor. The status to answer when that cannot be. */
  open(name: string): ServedFile | { refused: 403 | 404 | 503 };
}

/** One file at one moment: whatever happens to its name, the descriptor stays with this content. */
export interface ServedFile extends Validators {
  descriptor: number;
  bytes: number;
}

/** Reads the tree at `directory` (absolute), which another program may write at the same time. */
export function servedTree(files: Files, directory: string, log: Log): ServedTree {
  const indexPath = join(directory, INDEX_FILE);
  const told = new Set<string>();
  let known: KnownIndex | undefined;

  /** Once for each file: clients choose how often it is asked for. */
  const tell = (name: string, error: string): void => {
    if (told.size >= TOLD_LIMIT || told.has(`${name} ${error}`)) return;
    told.add(`${name} ${error}`);
    log.warn("A file cannot be served.", { path: join(directory, name), error });
  };
  /** The index as it is now; read again only when its file is another. */
  const currentIndex = (): KnownIndex | undefined => {
    const stats = lstatSync(indexPath, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    const identity = [stats.ino, stats.size, stats.ctimeMs].join();
    if (known?.identity !== identity) known = { identity, files: readable()?.files ?? {}, writtenMs: stats.ctimeMs };
    return known;
  };
  const readable = (): MirrorIndex | undefined => {
    try {
      return readIndex(files, indexPath);
    } catch (error) {
      if (!isUpdateError(error)) throw error;
      log.warn("The index cannot be read: files are served without their digests as tags.", { error: error.message });
      return undefined;
    }
  };

  return {
    open(name) {
      try {
        // Read first: a file that is replaced in between is then younger than the index, and its tag is weak.
        const index = currentIndex();
        const file = openFile(join(directory, name), (stats) => etagOf(name, stats, index));
        if ("refused" in file && file.refused === 403) tell(name, "not everybody on this machine may read it");
        return file;
      } catch (error) {
        const code = systemErrorCode(error) ?? "";
        if (MISSING.includes(code)) return { refused: 404 };
        tell(name, code || String(error));
        return { refused: code === "EACCES" ? 403 : 503 };
      }
    },
  };
}

/** A link (ELOOP) is no file of a mirror, wherever it leads. */
const MISSING = ["ENOENT", "ENOTDIR", "ELOOP", "ENXIO"];
const TOLD_LIMIT = 100;
const READABLE_BY_ALL = 0o004;

function openFile(path: string, etag: (stats: Stats) => string): ServedFile | { refused: 403 | 404 } {
  // A fifo must not hold us.
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const stats = fstatSync(descriptor);
  // A key, say, that was left in the tree: what is not for all on this machine is not for all who can reach it.
  const isPublic = (stats.mode & READABLE_BY_ALL) !== 0;
  if (stats.isFile() && isPublic) {
    return { descriptor, bytes: stats.size, modified: stats.mtime, etag: etag(stats) };
  }
  closeSync(descriptor);
  return { refused: stats.isFile() ? 403 : 404 };
}

/** Fails with `E_SERVE` when there is no folder at `directory`, or none that this user may read. */
export function requireTree(files: Files, directory: string): void {
  const reason = whyNotReadable(files, directory);
  if (reason === undefined) return;
  throw new UpdateError("E_SERVE", `cannot serve \`${directory}\`: ${reason}`, {
    hint: "name the folder of a mirror; the user that serves it must be able to read it, and to pass the folders above it",
  });
}

function whyNotReadable(files: Files, directory: string): string | undefined {
  try {
    return files.list(directory) === undefined ? "there is no such folder" : undefined;
  } catch (error) {
    if (isUpdateError(error)) return error.message;
    throw error;
  }
}

interface KnownIndex {
  identity: string;
  files: MirrorIndex["files"];
  writtenMs: number;
}

/**
 * The digest, where the index names the size and was put in place after the file; otherwise a tag that promises less. By
 * the change time, as a mirror sets the other one to when the release was published. Within one tick of the clock of the
 * file system nobody can tell what came first.
 */
function etagOf(name: string, stats: Stats, index: KnownIndex | undefined): string {
  const entry = index?.files[name];
  const agrees = index !== undefined && entry?.bytes === stats.size && stats.ctimeMs < index.writtenMs;
  return agrees ? `"${entry?.sha256}"` : `W/"${stats.size.toString(16)}-${Math.trunc(stats.mtimeMs).toString(16)}"`;
}
