import type { Liveness } from "../platform/processes.ts";

/** How many samples of one PID make it stable, and how many crashes are borne. */
export interface PidLimits {
  stableSamples: number;
  maxCrashes: number;
}

/** Contract: six intervals, and more than two crashes fail (installer-systemd §4.6). */
export const PID_LIMITS: PidLimits = { stableSamples: 6, maxCrashes: 2 };

/** What was seen of a PID file so far. */
export interface PidWatch {
  /** The PID before the reload; 0 when there was none. */
  readonly baseline: number;
  readonly pid: number;
  /** A PID that stands in the file although its process is gone; 0 when there is none. */
  readonly stale: number;
  readonly crashes: number;
  readonly stable: number;
}

export type PidVerdict =
  | { kind: "watching"; watch: PidWatch; becameStale: boolean }
  | { kind: "stable"; pid: number }
  | { kind: "crash-looping"; crashes: number }
  | { kind: "failed"; reason: string };

export function startPidWatch(baseline: number): PidWatch {
  return { baseline, pid: baseline, stale: 0, crashes: 0, stable: 0 };
}

/**
 * Takes in one more sample of the PID file (0: missing or unreadable) and judges: the process is stable once the same
 * new, live PID stood there for enough samples; leaving a new PID again, or a dead one that stays, counts as a crash
 * (installer-systemd §4.6, stage A). `probe` is asked for a PID that may have become stable, and for no other.
 */
export function observePid(
  watch: PidWatch,
  sample: number,
  limits: PidLimits,
  probe: (pid: number) => Liveness,
): PidVerdict {
  const { baseline, pid: last, stale } = watch;
  const leftNewPid = last !== 0 && sample !== last && last !== baseline;
  const staysDead = stale !== 0 && sample === stale && last === stale;
  const crashes = watch.crashes + (leftNewPid || staysDead ? 1 : 0);
  if (crashes > limits.maxCrashes) return { kind: "crash-looping", crashes };

  const seen = { ...watch, pid: sample, crashes };
  const isCandidate = sample !== 0 && sample !== baseline && sample !== stale && sample === last;
  if (!isCandidate) return { kind: "watching", watch: { ...seen, stable: 0 }, becameStale: false };

  const liveness = probe(sample);
  if (liveness === "gone") return { kind: "watching", watch: { ...seen, stale: sample, stable: 0 }, becameStale: true };
  if (liveness !== "alive") return { kind: "failed", reason: liveness.failure };
  if (watch.stable + 1 >= limits.stableSamples) return { kind: "stable", pid: sample };
  return { kind: "watching", watch: { ...seen, stable: watch.stable + 1 }, becameStale: false };
}
