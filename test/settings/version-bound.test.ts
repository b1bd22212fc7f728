import { describe, expect, test } from "bun:test";
import { compareToBound, compareVersions, parseVersionBound } from "../../src/settings/version-bound.ts";

test("the order is that of semantic versions", () => {
  const ascending = [
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.1",
    "1.2.0",
    "1.10.0",
    "2.0.0",
    "10.0.0",
    "18.2.0-dev",
    "18.2.0",
    "999999999.0.0",
  ];
  ascending.forEach((a, i) => {
    ascending.forEach((b, j) => {
      expect([a, b, Math.sign(compareVersions(a, b))]).toEqual([a, b, Math.sign(i - j)]);
    });
  });
  expect(compareVersions("18.1.0+one", "18.1.0+two")).toBe(0);
});

describe("a limit", () => {
  test.each<[string, string, number]>([
    ["18.2.0", "18.2.0", 0],
    ["18.1.9", "18.2.0", -1],
    ["18.2.0-rc.1", "18.2.0", -1],
    ["18.2.1", "18.2.0", 1],
    ["18.0.0", "18", 0],
    ["18.99.3", "18", 0],
    ["18.0.0-rc.1", "18", 0],
    ["19.0.0-alpha.1", "18", 1],
    ["17.9.9", "18", -1],
    ["18.2.7", "18.2", 0],
    ["18.3.0", "18.2", 1],
    ["18.1.9", "18.2", -1],
    ["18.10.0", "18.2", 1],
  ])("%s against %s", (version, limit, expected) => {
    const bound = parseVersionBound(limit);
    if (bound === undefined) throw new Error(`${limit} is not read`);
    expect(Math.sign(compareToBound(version, bound))).toBe(expected);
  });

  test.each(["", "x", "18.", "18.2.", "018", "18.2.0.1", "-1", "../18", "18 ", "latest"])("%p is none", (text) => {
    expect(parseVersionBound(text)).toBeUndefined();
  });
});
