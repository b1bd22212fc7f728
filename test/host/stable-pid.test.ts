import { expect, test } from "bun:test";
import { observePid, startPidWatch } from "../../src/host/stable-pid.ts";
import type { Liveness } from "../../src/platform/processes.ts";

type Outcome = "ok" | "fail" | "cancelled";

/** Feeds the samples until a verdict; running out of them is what a deadline does to a watch. */
function judge(
  samples: number[],
  baseline: number,
  stableSamples: number,
  maxCrashes: number,
  probe: (pid: number) => Liveness,
): Outcome {
  if (stableSamples === 0) return "ok";
  let watch = startPidWatch(baseline);
  for (const sample of samples) {
    const verdict = observePid(watch, sample, { stableSamples, maxCrashes }, probe);
    if (verdict.kind === "stable") return "ok";
    if (verdict.kind !== "watching") return "fail";
    watch = verdict.watch;
  }
  return "cancelled";
}

const allAlive = (): Liveness => "alive";
const twoIs = (liveness: Liveness) => (pid: number) => (pid === 2 ? liveness : "alive");

test.each<
  [
    row: number,
    samples: number[],
    baseline: number,
    stable: number,
    crashes: number,
    probe: (pid: number) => Liveness,
    outcome: Outcome,
  ]
>([
  [1, [2, 2], 1, 1, 1, allAlive, "ok"],
  [2, [], 0, 0, 0, allAlive, "ok"],
  [3, [2, 3], 1, 1, 0, allAlive, "fail"],
  [4, [1, 1, 1, 1], 1, 3, 2, allAlive, "cancelled"],
  [5, [2, 2, 2, 2], 1, 3, 2, allAlive, "ok"],
  [6, [1, 2, 2, 2, 2], 1, 3, 2, allAlive, "ok"],
  [7, [1, 2, 3, 3, 3, 3], 1, 3, 2, allAlive, "ok"],
  [8, [1, 2, 3, 4, 4, 4, 4], 1, 3, 2, allAlive, "ok"],
  [9, [1, 2, 3, 4, 5], 1, 3, 2, allAlive, "fail"],
  [10, [1, 2, 3, 4], 0, 3, 2, allAlive, "fail"],
  [11, [1, 1, 1, 2, 2, 2, 3, 3, 3, 4], 0, 3, 2, allAlive, "fail"],
  [12, [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4], 0, 3, 2, allAlive, "ok"],
  [13, [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4], 0, 3, 2, allAlive, "fail"],
  [14, [1, 1, 1], 0, 3, 2, allAlive, "cancelled"],
  [15, [2, 2, 2, 2, 2], 1, 3, 2, twoIs("gone"), "fail"],
  [16, [2, 2, 3, 3, 3, 3], 1, 3, 2, twoIs("gone"), "ok"],
  [17, [2, 2, 3, 3, 3, 3], 1, 3, 2, twoIs({ failure: "operation not permitted" }), "fail"],
])("[inst 8.9 row %d] samples %j after %d", (_row, samples, baseline, stable, crashes, probe, outcome) => {
  expect(judge(samples, baseline, stable, crashes, probe)).toBe(outcome);
});
