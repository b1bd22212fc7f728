import { appendFileSync } from "node:fs";
import type { Change } from "./change.ts";
import { UpdateError } from "./errors.ts";

/** True in builds for tests only (`scripts/build.ts --testing`); released executables do not contain what it guards. */
declare const TESTING_FAULTS: boolean | undefined;

/** What can strike at a fault point, so that the run ends. With `stop` it stands still until it gets SIGCONT. */
export const STRIKES = ["kill", "error", "no-space", "io-error"] as const;
export type Strike = (typeof STRIKES)[number];

const STOP_MS = 50;

let passed = 0;

/**
 * A named place at which a test may strike: `TESTING_FAULT=<n>:<strike>` strikes at the n-th point that a run passes,
 * counted from 0, and another one behind a comma at a later point, where the first is being undone; `TESTING_FAULT_LOG=<file>` gets the name of each point, a line each, with what `change` is about:
 * `link:after:/usr/local/bin/tsh`.
 */
export function faultPoint(name: string, change?: Change): void {
  if (typeof TESTING_FAULTS === "boolean" && TESTING_FAULTS) {
    const log = process.env["TESTING_FAULT_LOG"];
    if (log !== undefined) appendFileSync(log, `${name}${subjectOf(change)}\n`);
    const faults = process.env["TESTING_FAULT"]?.split(",").map((fault) => fault.split(":")) ?? [];
    const struck = faults.find(([index]) => index === String(passed));
    passed += 1;
    if (struck !== undefined) strikeWith(struck[1], name);
  }
}

/** Files of every sort are one kind of change: only the path tells a unit from the settings. */
function subjectOf(change: Change | undefined): string {
  if (change === undefined) return "";
  if ("path" in change) return `:${change.path}`;
  if ("to" in change) return `:${change.to}`;
  return "unit" in change ? `:${change.unit}` : "";
}

function strikeWith(strike: string | undefined, name: string): void {
  switch (strike) {
    case "kill":
      process.kill(process.pid, "SIGKILL");
      // The signal is delivered at once, but not to a process that goes on before the kernel looks.
      while (true) {}
    case "stop":
      process.kill(process.pid, "SIGSTOP");
      // As above: nothing may be done before the stop, and this passes while it lasts.
      Bun.sleepSync(STOP_MS);
      return;
    case "no-space":
      throw new UpdateError("E_NO_SPACE", `no space left at ${name}`);
    case "io-error":
      throw new UpdateError("E_IO", `input/output error at ${name}`);
    default:
      throw new Error(`struck at ${name}`);
  }
}
