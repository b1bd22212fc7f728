import type { Clock } from "./clock.ts";
import { UpdateError } from "./errors.ts";
import type { Log } from "./log.ts";

export interface RetryWorld {
  clock: Clock;
  log: Log;
  signal: AbortSignal;
}

/** How often, and with which pauses, something is tried again. */
export interface RetryPolicy {
  attempts: number;
  /** The pause after the first try is at most this long, and doubles with each. */
  firstPauseMs: number;
  longestPauseMs: number;
  /** No try begins later than this after the first one, so a server that asks for more patience is not waited for. */
  patienceMs: number;
}

/** For one short request: two to four seconds in all, unless the server asks for more, or says nothing at all. */
const SHORT_RETRIES: RetryPolicy = {
  attempts: 4,
  firstPauseMs: 500,
  longestPauseMs: 4000,
  patienceMs: 60_000,
};

/**
 * Does `work` until it succeeds, fails for good, or was tried often enough; only failures that say so (`retryAfterMs`) are
 * worth another try. Each one is a line in the log. Fails with the last failure, and with `E_CANCELED`.
 */
export async function withRetries<T>(
  world: RetryWorld,
  what: string,
  work: () => Promise<T>,
  policy: RetryPolicy = SHORT_RETRIES,
): Promise<T> {
  const sinceMs = world.clock.elapsedMs();
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      await pauseOrGiveUp(world, { what, tries, sinceMs, error }, policy);
    }
  }
}

/** What was tried, how often by now and since when (`Clock.elapsedMs`), and how it failed the last time. */
export interface FailedTry {
  what: string;
  tries: number;
  sinceMs: number;
  error: unknown;
}

/** Waits until the next try is due and says so, or throws the failure when there is to be none. */
export async function pauseOrGiveUp(world: RetryWorld, failed: FailedTry, policy: RetryPolicy): Promise<void> {
  const { clock, log, signal } = world;
  const { what, tries, sinceMs, error } = failed;
  if (!(error instanceof UpdateError) || error.retryAfterMs === undefined || tries >= policy.attempts) throw error;
  const limitMs = Math.min(policy.longestPauseMs, policy.firstPauseMs * 2 ** (tries - 1));
  // Between half of the limit and all of it, so that a thousand hosts do not come back at one moment.
  const pauseMs = error.retryAfterMs + (limitMs * (1 + clock.random())) / 2;
  if (clock.elapsedMs() - sinceMs + pauseMs > policy.patienceMs) throw error;
  log.warn("Trying again.", {
    what,
    try: tries + 1,
    of: policy.attempts,
    after: `${(pauseMs / 1000).toFixed(1)} s`,
    error: error.message,
  });
  await clock.sleep(pauseMs, signal);
}
