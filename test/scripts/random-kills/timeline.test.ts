import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Aim, aimInto, timelineOf } from "../../../scripts/random-kills/timeline.ts";

const POINTS = ["file:before:/opt/teleport/default/update.yaml", "link:before:/usr/local/bin/tsh", "commit:before"];

describe("the timeline of several runs", () => {
  test("has the medians of what lies between two points, and the phase there", () => {
    const runs = [
      { points: POINTS, times: [100, 101, 111], endMs: 120 },
      { points: POINTS, times: [300, 302, 308], endMs: 309 },
      { points: POINTS, times: [200, 209, 216], endMs: 219 },
    ];
    expect(timelineOf(runs)).toEqual({
      gaps: [200, 2, 7, 3],
      phases: ["download", "configuration", "links", "commit"],
    });
  });

  test("has no gap below zero when points are noticed late", () => {
    const run = { points: POINTS, times: [100, 110, 115], endMs: 112 };
    expect(timelineOf([run]).gaps).toEqual([100, 10, 5, 0]);
    expect(timelineOf([{ ...run, times: [100, 110] }]).gaps).toEqual([100, 10, 2, 0]);
  });

  test("is none when the runs differ", () => {
    const run = { points: POINTS, times: [1, 2, 3], endMs: 4 };
    expect(() => timelineOf([run, { ...run, points: POINTS.slice(1) }])).toThrow("3 and 2 points");
  });
});

describe("a moment inside a phase", () => {
  const timeline = {
    gaps: [50, 1, 100, 3, 0.5, 9],
    phases: ["download", "configuration", "download", "configuration", "links", "units"],
  } as const;

  test.each<[string, Parameters<typeof aimInto>[1], number, Aim]>([
    ["counts from the start", "download", 0.2, { points: 0, delayMs: 30 }],
    ["may lie in a later part of the phase", "download", 0.5, { points: 2, delayMs: 25 }],
    ["counts from the point before it", "units", 0.5, { points: 5, delayMs: 4.5 }],
    ["counts from an earlier point when it comes too soon after one", "links", 0.5, { points: 3, delayMs: 3.25 }],
    ["counts from the start when there is no earlier point", "download", 0, { points: 0, delayMs: 0 }],
  ])("%s", (_, phase, share, aim) => {
    expect(aimInto(timeline, phase, share)).toEqual(aim);
  });

  test("is refused in a phase that no run is in", () => {
    expect(() => aimInto(timeline, "reload", 0.5)).toThrow("reload");
  });

  test("lies inside, whatever the timeline", () => {
    const phase = fc.constantFrom("download", "links", "units");
    const gap = fc.record({ gap: fc.double({ min: 0, max: 1000, noNaN: true }), phase });
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.array(gap, { minLength: 1 }), phase, share, (spans, wanted, share) => {
        fc.pre(spans.some(({ phase }) => phase === wanted));
        const gaps = spans.map(({ gap }) => gap);
        const aim = aimInto({ gaps, phases: spans.map(({ phase }) => phase) }, wanted, share);
        const at = sum(gaps.slice(0, aim.points)) + aim.delayMs;
        const isInside = (index: number) => {
          const begin = sum(gaps.slice(0, index));
          return at >= begin - ROUNDING && at <= begin + (gaps[index] ?? 0) + ROUNDING;
        };
        expect(spans.some(({ phase }, index) => phase === wanted && isInside(index))).toBe(true);
      }),
    );
  });
});

const ROUNDING = 1e-6;

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
