const POLL_MS = 5;

/** The phases of an update, in order. */
export const PHASES = ["download", "release", "links", "units", "reload", "configuration", "removal"] as const;
export type Phase = (typeof PHASES)[number];

export interface PhaseTime {
  /** How many points a run has passed when the phase begins. */
  pointsBefore: number;
  seconds: number;
}

/**
 * The phase that goes on once `points` were passed. What stands alone tells the phases apart: a release is moved into its
 * place, then links, then systemd reads units, then services are reloaded, two of them, then the rest is written down.
 */
export function phaseWhenKilled(points: readonly string[]): Phase {
  const has = (point: string) => points.includes(point);
  if (has("commit:after")) return "removal";
  if (points.filter((point) => point === "reload:after").length === SERVICES) return "configuration";
  if (has("reload:before")) return "reload";
  if (has("daemon-reload:before")) return "units";
  if (has("link:before")) return "links";
  return points.length > 0 ? "release" : "download";
}

const SERVICES = 2;

/** Watches a run until it ends; `passed` tells the points that it has passed so far. */
export async function phaseTimes(
  run: Promise<unknown>,
  passed: () => readonly string[],
): Promise<Record<Phase, PhaseTime>> {
  const begun = new Map<Phase, { at: number; pointsBefore: number }>();
  let isRunning = true;
  const ended = run.finally(() => {
    isRunning = false;
  });
  const look = () => {
    const points = passed();
    for (const [count] of [...points, ""].entries()) {
      const phase = phaseWhenKilled(points.slice(0, count));
      if (!begun.has(phase)) begun.set(phase, { at: performance.now(), pointsBefore: count });
    }
  };
  while (isRunning) {
    look();
    await Bun.sleep(POLL_MS);
  }
  await ended;
  look();
  const end = performance.now();
  const timeOf = (phase: Phase): PhaseTime => {
    const { at, pointsBefore } = begun.get(phase) ?? { at: end, pointsBefore: 0 };
    const next = PHASES.slice(PHASES.indexOf(phase) + 1).map((later) => begun.get(later)?.at);
    return { pointsBefore, seconds: ((next.find((time) => time !== undefined) ?? end) - at) / 1000 };
  };
  return {
    download: timeOf("download"),
    release: timeOf("release"),
    links: timeOf("links"),
    units: timeOf("units"),
    reload: timeOf("reload"),
    configuration: timeOf("configuration"),
    removal: timeOf("removal"),
  };
}
