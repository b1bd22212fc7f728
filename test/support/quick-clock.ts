import { type Clock, systemClock } from "../../src/platform/clock.ts";

/** A clock on which every pause is over at once; `pauses` says how long they were, and `now` counts them. */
export interface QuickClock extends Clock {
  pauses: number[];
}

/** `random` is what chance always says: 1 makes every pause as long as it may be. */
export function quickClock(random = 1): QuickClock {
  const pauses: number[] = [];
  const start = Date.now();
  return {
    pauses,
    now: () => new Date(start + pauses.reduce((sum, pause) => sum + pause, 0)),
    random: () => random,
    async sleep(milliseconds, signal) {
      pauses.push(milliseconds);
      await systemClock.sleep(0, signal);
    },
  };
}
