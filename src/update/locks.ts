import type { Lock, LockMode } from "../host/lock.ts";
import { isUpdateError } from "../platform/errors.ts";
import type { Log } from "../platform/log.ts";

/** Commands that an operator starts wait for another updater, but not for ever (updater-core §3.3). */
export const COMMAND_LOCK: LockMode = { kind: "exclusive", waitMs: 10 * 60 * 1000 };

/** The timer has time: its unit is of type oneshot, so nothing piles up behind it. */
export const TIMER_LOCK: LockMode = { kind: "exclusive", waitMs: "forever" };

/** The script of a package installation reads what the updater decided, and mostly finds nothing to do. */
export const READ_FOR_PACKAGE_LOCK: LockMode = { kind: "shared", waitMs: 0 };

export const CHANGE_FOR_PACKAGE_LOCK: LockMode = { kind: "exclusive", waitMs: 0 };

/**
 * For a script of the package, which never waits: undefined, and a warning, when an updater is at work. Then there is
 * nothing to do, and nothing has failed (updater-core §3.3).
 */
export async function unlessBusy(log: Log, lock: Promise<Lock>): Promise<Lock | undefined> {
  try {
    return await lock;
  } catch (error) {
    if (!isUpdateError(error, "E_LOCK_BUSY")) throw error;
    log.warn("The updater is running, skipping.", { reason: error.message });
    return undefined;
  }
}
