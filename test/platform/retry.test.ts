import { describe, expect, test } from "bun:test";
import { UpdateError } from "../../src/platform/errors.ts";
import { type RetryPolicy, withRetries } from "../../src/platform/retry.ts";
import { CLOCK_JUMPS, quickClock } from "../support/quick-clock.ts";
import { recordingLog } from "../support/recording-log.ts";

const POLICY: RetryPolicy = { attempts: 6, firstPauseMs: 100, longestPauseMs: 500, patienceMs: 3000 };
const passing = (retryAfterMs = 0) => new UpdateError("E_NETWORK", "cut", { retryAfterMs });
const lasting = new UpdateError("E_TLS", "no");

describe("what fails in passing", () => {
  test.each([
    [1, [100, 200, 400, 500, 500]],
    [0, [50, 100, 200, 250, 250]],
  ])("is tried again after pauses that double up to a limit, with the chance %p", async (random, pauses) => {
    const { error, clock, tries } = await attempt(() => passing(), random);
    expect([error, tries, clock.pauses]).toEqual([passing(), 6, pauses]);
  });

  test("is tried until it succeeds, and each try is told", async () => {
    const { answer, log } = await attempt((tries) => (tries < 3 ? passing() : undefined));
    expect(answer).toBe("done");
    expect(log.lines).toEqual(
      [2, 3].map((number) => ({
        level: "warn",
        message: "Trying again.",
        attributes: { what: "it", try: number, of: 6, after: `0.${number - 1} s`, error: "cut" },
      })),
    );
  });

  test("waits as long as it asks for, besides", async () => {
    expect((await attempt((tries) => (tries === 1 ? passing(2000) : undefined))).clock.pauses).toEqual([2100]);
  });

  test("is not waited for beyond the patience, all tries together", async () => {
    expect(await attempt(() => passing(3000))).toMatchObject({ tries: 1, error: passing(3000) });
    expect(await attempt(() => passing(1000))).toMatchObject({ tries: 3, error: passing(1000) });
  });

  test.each(Object.entries(CLOCK_JUMPS))("is tried as often when the clock is set %s meanwhile", async (_, jumpMs) => {
    const clock = quickClock();
    const jumping = () => {
      clock.jump(jumpMs);
      return passing(1000);
    };
    expect(await attempt(jumping, 1, undefined, clock)).toMatchObject({ tries: 3, error: passing(1000) });
  });

  test("is not tried again once the run is interrupted", async () => {
    const interrupt = new AbortController();
    interrupt.abort();
    const { error, tries } = await attempt(() => passing(), 1, interrupt.signal);
    expect([error, tries]).toEqual([expect.objectContaining({ code: "E_CANCELED" }), 1]);
  });
});

test.each([lasting, new Error("a defect"), "a word"])("what lasts is not tried again: %p", async (thrown) => {
  const { error, tries, log } = await attempt(() => thrown);
  expect([error, tries, log.lines]).toEqual([thrown, 1, []]);
});

/** Tries work that fails with what `failure` says of each try. */
async function attempt(
  failure: (tries: number) => unknown,
  random = 1,
  signal = new AbortController().signal,
  clock = quickClock(random),
) {
  const log = recordingLog();
  let tries = 0;
  const work = async () => {
    tries += 1;
    const thrown = failure(tries);
    if (thrown !== undefined) throw thrown;
    return "done";
  };
  const outcome = await withRetries({ clock, log, signal }, "it", work, POLICY).then(
    (answer) => ({ answer, error: undefined }),
    (error: unknown) => ({ answer: undefined, error }),
  );
  return { ...outcome, clock, log, tries };
}
