import { describe, expect, test } from "bun:test";
import type { Fault } from "./bench-host.ts";
import { type LoggedRun, missedStrike } from "./strikes.ts";

const POINTS = ["file:before:/etc/a", "file:after:/etc/a", "link:before:/usr/bin/b"];
const KILL: Fault = { index: 1, strike: "kill" };
const ERROR: Fault = { index: 1, strike: "error" };
const SAID = "ERROR [UPDATER]   command failed error:struck at file:after code:E_INTERNAL\n";
const BORNE = "WARN  [UPDATER]   Unable to clean up. error:struck at file:after\n";

describe("a strike fell where it was to fall", () => {
  test.each<[string, Fault, Partial<LoggedRun>]>([
    ["the run was killed there", KILL, { exitCode: 137, points: POINTS.slice(0, 2) }],
    ["the run failed by it", ERROR, { exitCode: 1, stderr: SAID }],
    ["the run bore it, as it says", ERROR, { exitCode: 0, stderr: BORNE }],
  ])("%s", (_, fault, run) => {
    expect(missed(fault, run)).toBeUndefined();
  });

  test("a name by chance is any name", () => {
    const [expected, passed] = [0, 1].map(() => `move:after:/usr/bin/.tsh.replaced-${crypto.randomUUID().slice(0, 8)}`);
    const run = { exitCode: 137, stderr: "", points: [passed ?? ""] };
    expect(missedStrike({ index: 0, strike: "kill" }, expected ?? "", run)).toBeUndefined();
  });
});

describe("a strike missed", () => {
  test.each<[string, Fault, Partial<LoggedRun>]>([
    ["was over before it", KILL, { points: POINTS.slice(0, 1) }],
    ["passed another point", KILL, { exitCode: 137, points: ["file:before:/etc/a", "file:after:/etc/b"] }],
    ["lived on", KILL, { exitCode: 0, points: POINTS.slice(0, 2) }],
    ["failed by itself", KILL, { exitCode: 1, points: POINTS.slice(0, 2) }],
    ["passed more points", KILL, { exitCode: 137 }],
    ["ended well", ERROR, { exitCode: 0 }],
    ["ended well, whatever it says", ERROR, { exitCode: 0, stderr: SAID }],
    ["failed by something else", ERROR, { exitCode: 1, stderr: "ERROR command failed code:E_IO" }],
    ["was struck otherwise", { ...ERROR, strike: "no-space" }, { exitCode: 1, stderr: SAID }],
  ])("a run that %s", (_, fault, run) => {
    expect(missed(fault, run)).toBeString();
  });
});

function missed(fault: Fault, run: Partial<LoggedRun>): string | undefined {
  return missedStrike(fault, POINTS[1] ?? "", { exitCode: 0, stderr: "", points: POINTS, ...run });
}
