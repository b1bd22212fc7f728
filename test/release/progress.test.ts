import { describe, expect, test } from "bun:test";
import { barLine, progressBar, progressLines, progressSteps } from "../../src/release/progress.ts";
import { testWorld } from "./archive.ts";

const NONE = undefined;

describe("[inst 8.7 progress logger] a line for each fifth", () => {
  test.each<[string, number, number[], (number | undefined)[]]>([
    ["even tens", 100, Array(12).fill(10), [NONE, 20, NONE, 40, NONE, 60, NONE, 80, NONE, 100, NONE, 120]],
    ["all at once", 100, [100, 100], [100, 200]],
    ["twice too much at once", 100, [200], [200]],
    ["half, then tens", 100, [50, 10, 10, 10, 10, 10, 10, 10], [50, 60, 70, 80, NONE, 100, NONE, 120]],
    ["half, then uneven", 100, [50, 1, 1, 20, 10, 10, 10], [50, 51, NONE, 72, 82, NONE, 102]],
    ["nearly all, then the rest", 1000, [999, 1], [99, 100]],
  ])("%s", (_, total, writes, expected) => {
    expect(writes.map(progressSteps(total, 5))).toEqual(expected);
  });
});

test("the lines name the file and the percentage", () => {
  const { log, lines } = testWorld();
  const progress = progressLines(log);
  progress.start("a.tar.gz", 10);
  for (let byte = 0; byte < 10; byte += 1) progress.advance(1);
  progress.end();
  expect(lines).toEqual(
    [20, 40, 60, 80, 100].map((percent) => `info Downloading {"file":"a.tar.gz","progress":"${percent}%"}`),
  );
});

test("without a total there are no percentages to tell", () => {
  const { log, lines } = testWorld();
  const progress = progressLines(log);
  progress.start("a.tar.gz", undefined);
  progress.advance(1000);
  expect(lines).toEqual([]);
});

describe("the bar", () => {
  test.each([
    [50_000_000, 100_000_000, 80, `a.gz  [${"#".repeat(20)}${".".repeat(20)}]   50%  50/100 MB`],
    [0, 100_000_000, 40, "a.gz  [...............]    0%  0/100 MB"],
    [100_000_000, 100_000_000, 30, "a.gz  100%  100/100 MB"],
    [5_000_000, undefined, 80, "a.gz  5 MB"],
    [0, 0, 80, "a.gz  0 MB"],
  ])("%d of %p in %d columns", (received, total, columns, expected) => {
    expect(barLine("a.gz", received, total, columns)).toBe(expected);
  });

  test("never fills the last column, whatever the width", () => {
    for (let columns = 1; columns < 120; columns += 1) {
      expect(barLine("teleport-v18.tar.gz", 176_000_000, 176_000_000, columns).length).toBeLessThan(columns);
    }
  });

  test("is painted over itself only when it changes, and wiped", () => {
    const written: string[] = [];
    const bar = progressBar({ columns: 40, write: (text) => written.push(text) });
    bar.start("a", 4_000_000);
    for (let index = 0; index < 8000; index += 1) bar.advance(500);
    bar.end();
    expect(written.length).toBeLessThan(110);
    expect(written.every((text) => text.startsWith("\r\x1b[K") && !text.includes("\n"))).toBe(true);
    expect(written.at(-1)).toBe("\r\x1b[K");
  });
});
