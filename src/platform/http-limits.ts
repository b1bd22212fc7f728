import { UpdateError } from "./errors.ts";
import type { HttpOptions } from "./http.ts";

/** The limits of one exchange: when one is passed, `signal` fires with the `UpdateError` as its reason. */
export interface Limits {
  signal: AbortSignal;
  /** Waits for something from the network; only such waiting counts as a stall, not what the caller does between chunks. */
  wait<T>(arrival: Promise<T>): Promise<T>;
  /** Counts bytes of the body; fails with `E_TIMEOUT` when too few of them came for the time that was waited. */
  arrived(bytes: number): void;
  /** Lets go of timers and listeners, and of what is left of the exchange; harmless when repeated. */
  end(): void;
}

/** Starts the clocks that `options` asks for; `describe` names what is waited for at the time when a limit is passed. */
export function startLimits(options: HttpOptions, describe: () => string): Limits {
  const controller = new AbortController();
  const { signal: interrupt, timeoutMs, stallMs, floor } = options;
  const interrupted = () => controller.abort(new UpdateError("E_CANCELED", `interrupted while fetching ${describe()}`));
  interrupt?.addEventListener("abort", interrupted, { once: true });
  if (interrupt?.aborted) interrupted();

  const timeout = (what: string) =>
    new UpdateError("E_TIMEOUT", `cannot fetch ${describe()}: ${what}`, {
      retryAfterMs: 0,
      hint: "check the line to the server; a firewall that drops packets looks like this, and where only a proxy leads out, set `HTTPS_PROXY`",
    });
  const passed = (what: string) => () => controller.abort(timeout(what));
  const whole = startTimer(timeoutMs, passed(`no complete answer within ${seconds(timeoutMs)}`));
  // From the first bytes of the body on: a head that took its time is no slow body.
  let waitedMs: number | undefined;
  let received = 0;
  return {
    signal: controller.signal,
    async wait(arrival) {
      const since = performance.now();
      const stall = startTimer(stallMs, passed(`nothing arrived for ${seconds(stallMs)}`));
      try {
        return await arrival;
      } catch (error) {
        throw controller.signal.aborted ? controller.signal.reason : error;
      } finally {
        clearTimeout(stall);
        if (waitedMs !== undefined) waitedMs += performance.now() - since;
      }
    },
    arrived(bytes) {
      received += bytes;
      waitedMs ??= 0;
      if (floor === undefined || waitedMs < floor.withinMs) return;
      if (received < floor.bytes) {
        throw timeout(`only ${received} bytes arrived in ${seconds(Math.round(waitedMs))}, too slow to ever end`);
      }
      waitedMs = 0;
      received = 0;
    },
    end() {
      clearTimeout(whole);
      interrupt?.removeEventListener("abort", interrupted);
      controller.abort();
    },
  };
}

function startTimer(milliseconds: number | undefined, passed: () => void): ReturnType<typeof setTimeout> | undefined {
  return milliseconds === undefined ? undefined : setTimeout(passed, milliseconds);
}

function seconds(milliseconds = 0): string {
  return `${milliseconds / 1000} s`;
}
