import { type Phase, phaseAfter } from "../../test/faults/phases.ts";

/** How an undisturbed run spends its time, by the fault points that it passes. */
export interface Timeline {
  /** Milliseconds from one point to the next: first from the start to the first point, last from the last point to the end. */
  gaps: readonly number[];
  /** The phase in which the run is during each gap. */
  phases: readonly Phase[];
}

/** What was seen of one run: the points, and when each was passed and the run ended, in milliseconds since its start. */
export interface SeenRun {
  points: readonly string[];
  times: readonly number[];
  endMs: number;
}

/** A moment of a run: so long after it has passed so many points. */
export interface Aim {
  points: number;
  delayMs: number;
}

/** The medians of several runs that pass as many points each. */
export function timelineOf(runs: readonly SeenRun[]): Timeline {
  const [first] = runs;
  if (first === undefined) throw new Error("a timeline needs a run");
  const other = runs.find(({ points }) => points.length !== first.points.length);
  if (other !== undefined) throw new Error(`runs pass ${first.points.length} and ${other.points.length} points`);
  const moments = runs.map(({ times, endMs }) => [0, ...times, endMs]);
  // On a busy machine the last points are noticed after the end, or not at all.
  const gapsOf = (index: number) => moments.map((run) => Math.max(0, (run[index + 1] ?? 0) - (run[index] ?? 0)));
  const indexes = Array.from({ length: first.points.length + 1 }, (_, index) => index);
  return {
    gaps: indexes.map((index) => median(gapsOf(index))),
    phases: indexes.map((index) => phaseAfter(first.points.slice(0, index))),
  };
}

/**
 * The moment at `share` (0 to 1) of all the time that a run spends in a phase. Runs differ in how long they take to get
 * there, so the clock starts at a point shortly before; not at the nearest one, when that would be noticed too late.
 */
export function aimInto({ gaps, phases }: Timeline, phase: Phase, share: number): Aim {
  const spans = gaps.flatMap((gapMs, points) => (phases[points] === phase ? [{ points, gapMs }] : []));
  const last = spans.at(-1);
  if (last === undefined) throw new Error(`no run is ever in the phase ${phase}`);
  let left = share * spans.reduce((sum, { gapMs }) => sum + gapMs, 0);
  for (const { points, gapMs } of spans) {
    if (left <= gapMs) return noticedInTime(gaps, { points, delayMs: left });
    left -= gapMs;
  }
  // Only sums of fractions lead here.
  return noticedInTime(gaps, { points: last.points, delayMs: last.gapMs });
}

/** Most points are noticed in a tenth of this. */
const NOTICED_WITHIN_MS = 2;

function noticedInTime(gaps: readonly number[], { points, delayMs }: Aim): Aim {
  const previous = gaps[points - 1];
  if (delayMs >= NOTICED_WITHIN_MS || previous === undefined) return { points, delayMs };
  return noticedInTime(gaps, { points: points - 1, delayMs: delayMs + previous });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
