import { closeSync, constants, fchmodSync, fstatSync, lstatSync, openSync } from "node:fs";
import { systemErrorCode, UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import { whyPlanted } from "../platform/ownership.ts";
import { pathError } from "../platform/path-errors.ts";
import type { RunResult } from "../platform/processes.ts";
import { shellWord } from "../platform/quote.ts";
import type { World } from "../platform/world.ts";
import type { Namespace } from "../settings/namespace.ts";
import { lockHolder } from "./lock-holder.ts";

export interface LockMode {
  kind: "exclusive" | "shared";
  /** How long to wait for another holder; 0 is one try. */
  waitMs: number | "forever";
}

/** A held lock: `using lock = await acquireLock(…)`. */
export interface Lock extends Disposable {
  readonly namespace: Namespace;
  /** Whoever inherits it keeps the lock after our end: it goes to the setup child, and to nobody else. */
  readonly descriptor: number;
}

type LockWorld = Pick<World, "files" | "processes" | "clock" | "log" | "signal">;

/** Exit code by which `flock` tells "somebody else holds it" from a failure of its own. */
const BUSY = 75;

/**
 * Takes the lock of a namespace: a real flock(2) on upstream's file, so that both updaters respect each other
 * (updater-core §3.3). The lock belongs to our descriptor and ends with it, however we end. Fails with `E_LOCK_BUSY`
 * when another updater holds it past `waitMs`, `E_CANCELED` on a signal, else `E_LOCK`.
 */
export async function acquireLock(world: LockWorld, namespace: Namespace, mode: LockMode): Promise<Lock> {
  const deadline = mode.waitMs === "forever" ? undefined : world.clock.elapsedMs() + mode.waitMs;
  while (true) {
    const lock = openLock(world.files, namespace);
    try {
      await flock(world, namespace.lock, lock.descriptor, mode, deadline);
      // Uninstall deletes the file that others wait on: a lock on a file that no path leads to excludes nobody.
      if (isStillAt(world.files, namespace.lock, lock.descriptor)) return lock;
      lock[Symbol.dispose]();
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
  }
}

function openLock(files: Files, namespace: Namespace): Lock {
  const descriptor = openInNamespace(files, namespace);
  let isOpen = true;
  return {
    namespace,
    descriptor,
    [Symbol.dispose]() {
      if (isOpen) closeSync(descriptor);
      isOpen = false;
    },
  };
}

/** A folder that goes so often between two calls does not go with an uninstallation. */
const MOST_TRIES = 10;

/** Makes `<ns>/versions` and its parents first, so that the lock file has a place (updater-core §3.2). */
function openInNamespace(files: Files, namespace: Namespace): number {
  for (let tries = 1; ; tries += 1) {
    try {
      files.makeDirectory(namespace.versions);
      return openLockFile(files, namespace.lock);
    } catch (error) {
      const isGone = error instanceof UpdateError && systemErrorCode(error.cause) === "ENOENT";
      if (!isGone || tries === MOST_TRIES) throw error;
    }
  }
}

const PRIVATE_MODE = 0o600;

/** Whatever else lies there was planted: no link is followed, no fifo waited on, and no file of others locked. */
function openLockFile(files: Files, path: string): number {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  let descriptor: number;
  try {
    descriptor = openSync(files.real(path), flags, PRIVATE_MODE);
  } catch (error) {
    const reason = OPEN_FAILURES[systemErrorCode(error) ?? ""];
    if (reason !== undefined) throw planted(files.real(path), reason, error);
    throw cannotOpen(files.real(path), error);
  }
  const stats = fstatSync(descriptor);
  const reason = whyPlanted(stats);
  if (reason === undefined) {
    // flock(2) asks for no more than a descriptor to read: who may open the file may hold it for ever. Under another name
    // it may be a file that others are to read.
    if ((stats.mode & 0o077) !== 0 && stats.nlink === 1) fchmodSync(descriptor, PRIVATE_MODE);
    return descriptor;
  }
  closeSync(descriptor);
  throw planted(files.real(path), reason);
}

const OPEN_FAILURES: Record<string, string> = {
  ELOOP: "it is a symbolic link",
  EISDIR: "it is a directory",
  ENXIO: "it is a socket or a device",
};

/** The lock has one place: for it, no other can be chosen. */
const READ_ONLY_HINT =
  "remount the file system read-write; if the kernel made it read-only, `dmesg --level=err,warn` says why";

function cannotOpen(path: string, cause: unknown): UpdateError {
  const { message, hint = "run the command as root" } = pathError("open the lock", path, cause);
  const isReadOnly = systemErrorCode(cause) === "EROFS";
  return new UpdateError("E_LOCK", message, { hint: isReadOnly ? READ_ONLY_HINT : hint, cause });
}

function planted(path: string, reason: string, cause?: unknown): UpdateError {
  return new UpdateError("E_LOCK", `cannot use the lock \`${path}\`: ${reason}`, {
    hint: `move it away: \`mv ${shellWord(path)} ${shellWord(`${path}.bad`)}\``,
    cause,
  });
}

async function flock(
  world: LockWorld,
  path: string,
  descriptor: number,
  mode: LockMode,
  deadline: number | undefined,
): Promise<void> {
  const attempt = (patience: readonly string[]) => runFlock(world, path, descriptor, mode.kind, patience);
  if (await attempt(["-n"])) return;
  const remainingMs = deadline === undefined ? undefined : deadline - world.clock.elapsedMs();
  if (remainingMs !== undefined && remainingMs <= 0) throw busy(world.files, path);
  world.log.info("Waiting for another updater.", {
    lock: world.files.real(path),
    holder: lockHolder(world.files.real(path)),
  });
  const patience = remainingMs === undefined ? [] : ["-w", (remainingMs / 1000).toFixed(3)];
  if (!(await attempt(patience))) throw busy(world.files, path);
}

/** Lets util-linux `flock` lock the description that our descriptor shares with it; answers false when it is busy. */
async function runFlock(
  world: LockWorld,
  path: string,
  descriptor: number,
  kind: LockMode["kind"],
  patience: readonly string[],
): Promise<boolean> {
  const program = world.processes.find("flock");
  if (program === undefined) {
    throw new UpdateError(
      "E_LOCK",
      `cannot lock \`${world.files.real(path)}\`: the program \`flock\` was not found on this host`,
      {
        hint: "install the package `util-linux`",
      },
    );
  }
  const flags = [kind === "shared" ? "-s" : "-x", ...patience, "-E", String(BUSY)];
  // Inside the child our descriptor is number 3.
  const result = await world.processes.run([program, ...flags, "3"], {
    descriptors: [descriptor],
    signal: world.signal,
  });
  if (world.signal.aborted) {
    throw new UpdateError("E_CANCELED", `interrupted while waiting for the lock \`${world.files.real(path)}\``);
  }
  if (result.exitCode === 0) return true;
  if (result.exitCode === BUSY) return false;
  throw new UpdateError("E_LOCK", `cannot lock \`${world.files.real(path)}\`: ${flockFailure(result)}`, {
    hint: `run \`${program} -n ${shellWord(world.files.real(path))} true\` to see what is wrong`,
  });
}

function flockFailure({ failure, stderr, exitCode }: RunResult): string {
  return failure ?? (stderr.trim() || `\`flock\` ended with exit code ${exitCode}`);
}

function isStillAt(files: Files, path: string, descriptor: number): boolean {
  const present = lstatSync(files.real(path), { bigint: true, throwIfNoEntry: false });
  const held = fstatSync(descriptor, { bigint: true });
  return present?.dev === held.dev && present.ino === held.ino;
}

function busy(files: Files, path: string): UpdateError {
  const holder = lockHolder(files.real(path));
  return new UpdateError(
    "E_LOCK_BUSY",
    `another updater holds the lock \`${files.real(path)}\`${holder ? `: ${holder}` : ""}`,
    {
      hint: holder
        ? "wait until it ends, and run the command again"
        : `find it with \`fuser -v ${shellWord(files.real(path))}\`, wait until it ends, and run the command again`,
    },
  );
}
