import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readRange } from "../../src/mirror/ranges.ts";

describe("a range of a file of 100 bytes", () => {
  test.each([
    ["bytes=0-", { kind: "part", start: 0, end: 100 }],
    ["bytes=10-19", { kind: "part", start: 10, end: 20 }],
    ["Bytes= 99-99 ", { kind: "part", start: 99, end: 100 }],
    ["bytes=90-1000", { kind: "part", start: 90, end: 100 }],
    [`bytes=0-${"9".repeat(400)}`, { kind: "part", start: 0, end: 100 }],
    ["bytes=-1", { kind: "part", start: 99, end: 100 }],
    ["bytes=-1000", { kind: "part", start: 0, end: 100 }],
    ["bytes=100-", { kind: "outside" }],
    ["bytes=100-200", { kind: "outside" }],
    [`bytes=${"9".repeat(400)}-`, { kind: "outside" }],
    ["bytes=-0", { kind: "outside" }],
    // What the standard tells to ignore.
    [null, { kind: "whole" }],
    ["", { kind: "whole" }],
    ["bytes=-", { kind: "whole" }],
    ["bytes=20-10", { kind: "whole" }],
    ["bytes=0-1,5-6", { kind: "whole" }],
    ["bytes=1e1-", { kind: "whole" }],
    ["bytes=--1", { kind: "whole" }],
    ["lines=0-1", { kind: "whole" }],
  ] as const)("%s", (header, part) => {
    expect(readRange(header, 100)).toEqual(part);
  });
});

test("an empty file has no part", () => {
  expect(readRange("bytes=0-", 0)).toEqual({ kind: "outside" });
  expect(readRange("bytes=-5", 0)).toEqual({ kind: "whole" });
});

test("a part always lies in the file, whatever is asked for", () => {
  const number = fc.oneof(fc.nat(200).map(String), fc.constantFrom("", "-1", "9".repeat(30), "0x1", "1.5", "١"));
  const header = fc.oneof(
    fc.string(),
    fc.tuple(number, number).map(([first, last]) => `bytes=${first}-${last}`),
  );
  fc.assert(
    fc.property(header, fc.nat(150), (text, size) => {
      const part = readRange(text, size);
      if (part.kind !== "part") return;
      expect(part.start).toBeWithin(0, size);
      expect(part.end).toBeWithin(part.start + 1, size + 1);
    }),
    { numRuns: 2000 },
  );
});
