import { UpdateError } from "./errors.ts";

/** Time and chance, so that tests choose them. */
export interface Clock {
  /** The time of day, for what people read and for ages that outlast a run. It may be set at any moment, forward or back. */
  now(): Date;
  /** Milliseconds since some moment before. Nobody sets it, so whatever a run waits for or measures is reckoned by it. */
  elapsedMs(): number;
  /** A number in [0, 1). */
  random(): number;
  /** Waits; rejects with `E_CANCELED` as soon as `signal` fires. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => new Date(),
  elapsedMs: () => performance.now(),
  random: () => Math.random(),
  sleep(milliseconds, signal) {
    return new Promise((resolve, reject) => {
      const cancel = () => {
        clearTimeout(timer);
        reject(
          new UpdateError("E_CANCELED", "interrupted while waiting", {
            hint: "nothing was changed by this step: run the command again",
          }),
        );
      };
      const timer = setTimeout(() => {
        signal.removeEventListener("abort", cancel);
        resolve();
      }, milliseconds);
      if (signal.aborted) cancel();
      else signal.addEventListener("abort", cancel, { once: true });
    });
  },
};
