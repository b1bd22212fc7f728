import type { LockMode } from "../host/lock.ts";

/** Commands that an operator starts wait for another updater, but not for ever (updater-core §3.3). */
export const COMMAND_LOCK: LockMode = { kind: "exclusive", waitMs: 10 * 60 * 1000 };

/** The timer has time: its unit is of type oneshot, so nothing piles up behind it. */
export const TIMER_LOCK: LockMode = { kind: "exclusive", waitMs: "forever" };
