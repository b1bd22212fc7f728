import { closeSync, constants, fchmodSync, fchownSync, fstatSync, lstatSync, openSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { systemErrorCode, UpdateError } from "../platform/errors.ts";
import { findOpenAbove } from "../platform/open-places.ts";
import { attempt } from "../platform/path-errors.ts";
import type { World } from "../platform/world.ts";

/**
 * Beside the index, with a dot in front: no file of the mirror. It stays, as a lock on a removed file excludes nobody, but where
 * the first run into a folder comes to nothing.
 */
export const LOCK_FILE = ".lock";
const PRIVATE_MODE = 0o600;
/** Exit code by which `flock` tells "somebody else holds it" from a failure of its own. */
const BUSY = 75;

export interface TreeLock extends Disposable {
  /** Removes the lock, and the folder if there is nothing else in it, where this run made them: nobody had a mirror here. */
  undo(): void;
}

/**
 * Makes the tree and lets nobody else write in it until disposed, or until we end, however we end. Who only reads needs no
 * lock: files come whole. Fails at once with `E_LOCK_BUSY` when another one writes, with `E_LOCK` without `flock`, and with
 * `E_OPEN_PLACE` for root where somebody else may put another folder in the place of this one.
 */
export async function lockTree(
  world: Pick<World, "localFiles" | "processes" | "sudoUser">,
  directory: string,
): Promise<TreeLock> {
  const { localFiles: files, processes } = world;
  requireClosedWay(world, directory);
  const path = join(directory, LOCK_FILE);
  const program = processes.find("flock");
  if (program === undefined) {
    throw new UpdateError("E_LOCK", `cannot lock \`${path}\`: the program \`flock\` was not found`, {
      hint: "install the package `util-linux`",
    });
  }
  const [hadFolder, hadLock] = [directory, path].map((one) => files.stat(one) !== undefined);
  files.makeDirectory(directory);
  const descriptor = attempt("open the lock", path, () => openLock(files.real(path)));
  keepPrivate(descriptor);
  // Inside the child our descriptor is number 3; the lock stays with ours when the child ends.
  const { exitCode, failure } = await processes.run([program, "-x", "-n", "-E", String(BUSY), "3"], {
    descriptors: [descriptor],
  });
  if (exitCode === 0 && isAt(descriptor, files.real(path))) {
    return {
      [Symbol.dispose]: () => closeSync(descriptor),
      undo() {
        if (!hadLock) files.removeFile(path);
        if (!hadFolder) files.removeDirectory(directory);
      },
    };
  }
  closeSync(descriptor);
  if (exitCode !== 0 && exitCode !== BUSY)
    throw new UpdateError("E_LOCK", `cannot lock \`${path}\`: ${failure ?? `exit ${exitCode}`}`);
  throw new UpdateError("E_LOCK_BUSY", `another run writes into \`${directory}\``, {
    hint: `wait until it ends, or find it with \`fuser -v ${path}\``,
  });
}

/** The folder may be its user's, but not what leads there: else they would choose where root writes. */
function requireClosedWay({ localFiles, sudoUser }: Pick<World, "localFiles" | "sudoUser">, directory: string): void {
  const open = findOpenAbove(localFiles, directory, sudoUser);
  if (open === undefined) return;
  throw new UpdateError(
    "E_OPEN_PLACE",
    `others than root may put another folder at \`${directory}\`, as they may change \`${open.path}\`: ${open.reason}`,
    { hint: "run the command as the user whose mirror it is, or have it below folders that only root may write" },
  );
}

/** A new one is of whoever has the folder: what root makes there must not keep a mirror's own user out of it. */
function openLock(path: string): number {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  try {
    const made = openSync(path, flags | constants.O_EXCL, PRIVATE_MODE);
    handOver(made, dirname(path));
    return made;
  } catch (error) {
    if (systemErrorCode(error) !== "EEXIST") throw error;
    return openSync(path, flags, PRIVATE_MODE);
  }
}

/** Some file systems give nothing away, such as those of other machines on which root is nobody: there it is as it was made. */
function handOver(descriptor: number, folder: string): void {
  const { uid, gid } = statSync(folder);
  if (process.geteuid?.() !== 0 || uid === 0) return;
  try {
    fchownSync(descriptor, uid, gid);
  } catch (error) {
    if (!["EPERM", "ENOTSUP", "EINVAL"].includes(systemErrorCode(error) ?? "")) throw error;
  }
}

/** Who may open the file, if only to read, may hold its lock for ever. One of another name may be a file that others are to read. */
function keepPrivate(descriptor: number): void {
  const { uid, mode, nlink } = fstatSync(descriptor);
  if (uid === process.geteuid?.() && nlink === 1 && (mode & 0o077) !== 0) fchmodSync(descriptor, PRIVATE_MODE);
}

/** Whether the name still leads to the open file: another run may have removed it since it was opened. */
function isAt(descriptor: number, path: string): boolean {
  const [open, named] = [fstatSync(descriptor), lstatSync(path, { throwIfNoEntry: false })];
  return open.ino === named?.ino && open.dev === named.dev;
}
