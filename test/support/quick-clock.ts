import { type Clock, systemClock } from "../../src/platform/clock.ts";

/** A clock on which every pause is over at once; `pauses` says how long they were, and the time counts them. */
export interface QuickClock extends Clock {
  pauses: number[];
  /** Sets the time of day so much forward, or back, as a first answer of a time server does. */
  jump(milliseconds: number): void;
}

/** `random` is what chance always says: 1 makes every pause as long as it may be. */
export function quickClock(random = 1): QuickClock {
  const pauses: number[] = [];
  let dayMs = Date.now();
  const elapsedMs = () => pauses.reduce((sum, pause) => sum + pause, 0);
  return {
    pauses,
    jump(milliseconds) {
      dayMs += milliseconds;
    },
    now: () => new Date(dayMs + elapsedMs()),
    elapsedMs,
    random: () => random,
    async sleep(milliseconds, signal) {
      pauses.push(milliseconds);
      await systemClock.sleep(0, signal);
    },
  };
}

const HOUR_MS = 60 * 60 * 1000;
/** What a time server may make of a host that was wrong about the time. */
export const CLOCK_JUMPS = { "an hour forward": HOUR_MS, "an hour back": -HOUR_MS };
